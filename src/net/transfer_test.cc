// Files and streams as bodies of responses.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "adapters/posix/thread_worker.h"
#include "net/net_testing.h"

namespace dray::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A File without a descriptor.
class HiddenFile : public File {
 public:
  explicit HiddenFile(std::shared_ptr<File> file) : file_{std::move(file)} {}
  Result<std::size_t> read(std::uint64_t at, std::span<std::byte> out) const override {
    return file_->read(at, out);
  }
  Result<> write(std::uint64_t, ByteView) override { return Error{ErrorCode::kDenied, "read only"}; }
  Result<> sync() override { return {}; }
  std::uint64_t size() const override { return file_->size(); }

 private:
  std::shared_ptr<File> file_;
};

// A File that the disk can't give back: its descriptor is a folder's, which sendfile refuses as it does a bad sector.
class UnreadableFile : public File {
 public:
  explicit UnreadableFile(const std::filesystem::path& folder) : fd_{::open(folder.c_str(), O_RDONLY | O_DIRECTORY)} {}
  ~UnreadableFile() override { ::close(fd_); }
  UnreadableFile(const UnreadableFile&) = delete;
  UnreadableFile& operator=(const UnreadableFile&) = delete;
  Result<std::size_t> read(std::uint64_t, std::span<std::byte>) const override { return Error{ErrorCode::kCorrupt, "a bad sector"}; }
  Result<> write(std::uint64_t, ByteView) override { return Error{ErrorCode::kDenied, "read only"}; }
  Result<> sync() override { return {}; }
  std::uint64_t size() const override { return 100'000; }
  int fd() const override { return fd_; }

 private:
  int fd_;
};

class TransferTest : public ServerFixture {
 protected:
  TransferTest() {
    handler_.on_now = [this](const HttpRequest&) {
      HttpResponse response{200};
      response.body = slice_;
      return std::optional{std::move(response)};
    };
  }

  // A file of pseudo-random text, to be seen whole.
  std::string make_file(std::size_t size) {
    std::string text(size, '\0');
    std::uint32_t x = 1;
    for (char& c : text) c = static_cast<char>('a' + (x = x * 1664525 + 1013904223) % 26);
    auto file = *disk_->open("file", Mode::kTruncate);
    EXPECT_TRUE(file->write(0, as_bytes(text)));
    slice_ = FileSlice{file, 0, size, transfer_};
    return text;
  }
  static std::string body(std::string_view response) {
    return std::string{response.substr(response.find("\r\n\r\n") + 4)};
  }

  std::shared_ptr<WatchedTransfer> transfer_ = std::make_shared<WatchedTransfer>();
  FileSlice slice_;
};

TEST_F(TransferTest, SendsAFileWholeAndReportsIt) {
  start();
  auto text = make_file(3'000'000);
  auto c = client();
  c->get("/");
  auto answer = c->response();
  EXPECT_THAT(answer, HasSubstr("Content-Length: 3000000\r\n"));
  EXPECT_TRUE(body(answer) == text);
  ASSERT_EQ(transfer_->ends.size(), 1U);
  EXPECT_TRUE(transfer_->ends[0]);
  EXPECT_EQ(transfer_->sent, text.size());
  slice_.transfer = nullptr;
  slice_.offset = 1000;
  slice_.length = 10;
  c->get("/");
  EXPECT_EQ(body(c->response()), text.substr(1000, 10));
}

TEST_F(TransferTest, ReadsWhatIsNotCachedOnTheWorker) {
  adapters::ThreadWorker worker{io_, "bytes"};
  start(quick_limits(), &worker);
  auto text = make_file(3'000'000);
  ASSERT_EQ(::fdatasync(slice_.file->fd()), 0);
  ASSERT_EQ(::posix_fadvise(slice_.file->fd(), 0, 0, POSIX_FADV_DONTNEED), 0);
  auto c = client();
  c->get("/");
  EXPECT_TRUE(body(c->response()) == text);
}

TEST_F(TransferTest, SendsFilesThatHaveNoDescriptor) {
  adapters::ThreadWorker worker{io_, "bytes"};
  for (Worker* bytes : {static_cast<Worker*>(nullptr), static_cast<Worker*>(&worker)}) {
    start(quick_limits(), bytes);
    transfer_ = std::make_shared<WatchedTransfer>();
    auto text = make_file(1'000'000);
    slice_.file = std::make_shared<HiddenFile>(*disk_->open("file", Mode::kRead));
    auto c = client();
    c->get("/");
    EXPECT_TRUE(body(c->response()) == text);
    EXPECT_EQ(transfer_->ends.size(), 1U);
    server_.reset();
  }
}

TEST_F(TransferTest, SaysThatTheDiskFailedAndNotTheClient) {
  adapters::ThreadWorker worker{io_, "bytes"};
  for (Worker* bytes : {static_cast<Worker*>(nullptr), static_cast<Worker*>(&worker)}) {
    start(quick_limits(), bytes);
    transfer_ = std::make_shared<WatchedTransfer>();
    slice_ = FileSlice{std::make_shared<UnreadableFile>(folder_), 0, 100'000, transfer_};
    auto c = client();
    c->get("/");
    EXPECT_EQ(body(c->read_to_end()), "");
    ASSERT_TRUE(turn_until([&] { return transfer_->ends.size() == 1; }));
    EXPECT_EQ(transfer_->ends[0].error().code(), ErrorCode::kCorrupt);
    server_.reset();
  }
}

TEST_F(TransferTest, ReachesPastFourGigabytes) {
  start();
  auto file = *disk_->open("sparse", Mode::kTruncate);
  constexpr std::uint64_t kEnd = 5ULL << 30;
  ASSERT_TRUE(file->write(kEnd - 4, as_bytes("last")));
  slice_ = FileSlice{file, kEnd - 1'000'000, 1'000'000, nullptr};
  auto c = client();
  c->get("/");
  EXPECT_THAT(c->response(), EndsWith(std::string(10, '\0') + "last"));
  slice_ = FileSlice{file, 0, kEnd, nullptr};
  c->send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(c->response(false), HasSubstr("Content-Length: 5368709120\r\n"));
}

TEST_F(TransferTest, OneFastClientDoesNotStarveOthers) {
  auto limits = quick_limits();
  limits.send_turn = 64 * 1024;
  start(limits);
  auto text = make_file(4'000'000);
  auto large = client();
  large->get("/");
  ASSERT_TRUE(turn_until([&] { return transfer_->sent > 0; }));
  EXPECT_LT(transfer_->sent, text.size() / 2);  // the loop came back to us after a turn
  EXPECT_TRUE(body(large->response()) == text);
}

TEST_F(TransferTest, StopCutsInTheMiddle) {
  start();
  make_file(30'000'000);
  transfer_->allowed = 1'000'000;
  auto c = client();
  c->get("/");
  ASSERT_TRUE(turn_until([&] { return transfer_->sent == 1'000'000; }));
  transfer_->stop = true;
  auto got = body(c->read_to_end());
  EXPECT_EQ(got.size(), 1'000'000U);
  ASSERT_TRUE(turn_until([&] { return transfer_->ends.size() == 1; }));
  EXPECT_EQ(transfer_->ends[0].error().code(), ErrorCode::kStopped);
  EXPECT_EQ(server_->connections(), 0U);
}

TEST_F(TransferTest, StopCutsAClientThatDoesNotRead) {
  start();
  make_file(30'000'000);
  auto c = client(4096);
  c->get("/");
  ASSERT_TRUE(turn_until([&] { return transfer_->sent > 0; }));
  transfer_->stop = true;
  ASSERT_TRUE(turn_until([&] { return transfer_->ends.size() == 1; }));
  EXPECT_EQ(transfer_->ends[0].error().code(), ErrorCode::kStopped);
}

TEST_F(TransferTest, APausedTransferWaitsAndGoesOn) {
  auto limits = quick_limits();
  limits.send_idle = 20ms;  // a pause is no stall
  start(limits);
  auto text = make_file(100'000);
  transfer_->allowed = 1'000;
  auto c = client();
  c->get("/");
  ASSERT_TRUE(turn_until([&] { return transfer_->sent == 1'000; }));
  auto until = clock_.steady() + 60ms;
  ASSERT_TRUE(turn_until([&] { return clock_.steady() > until; }));
  EXPECT_EQ(transfer_->sent, 1'000U);
  EXPECT_TRUE(transfer_->ends.empty());
  transfer_->allowed = UINT64_MAX;
  EXPECT_TRUE(body(c->response()) == text);
}

TEST_F(TransferTest, APausedTransferEndsWithItsClient) {
  start();
  make_file(100'000);
  transfer_->allowed = 0;
  auto c = client();
  c->get("/");
  ASSERT_TRUE(turn_until([&] { return server_->connections() == 1; }));
  c->read_until("\r\n\r\n");
  c->close();
  ASSERT_TRUE(turn_until([&] { return transfer_->ends.size() == 1; }));
  EXPECT_EQ(transfer_->ends[0].error().code(), ErrorCode::kUnavailable);
}

TEST_F(TransferTest, AClientThatGoesIsReportedOnce) {
  start();
  make_file(30'000'000);
  for (bool hard : {true, false}) {
    transfer_ = std::make_shared<WatchedTransfer>();
    slice_.transfer = transfer_;
    auto c = client(4096);
    c->get("/");
    ASSERT_TRUE(turn_until([&] { return transfer_->sent > 0; }));
    hard ? c->reset() : c->close();
    ASSERT_TRUE(turn_until([&] { return !transfer_->ends.empty() && server_->connections() == 0; }));
    ASSERT_EQ(transfer_->ends.size(), 1U);
    EXPECT_EQ(transfer_->ends[0].error().code(), ErrorCode::kUnavailable);
  }
}

TEST_F(TransferTest, AClientThatStallsIsCut) {
  auto limits = quick_limits();
  limits.send_idle = 50ms;
  start(limits);
  make_file(30'000'000);
  auto c = client(4096);
  c->get("/");
  ASSERT_TRUE(turn_until([&] { return transfer_->ends.size() == 1; }));
  EXPECT_EQ(transfer_->ends[0].error().code(), ErrorCode::kTimeout);
}

TEST_F(TransferTest, AFileThatHasBecomeShorterCutsTheAnswer) {
  start();
  auto text = make_file(1'000);
  slice_.length = 2'000;
  auto c = client();
  c->get("/");
  EXPECT_EQ(body(c->read_to_end()), text);
  ASSERT_EQ(transfer_->ends.size(), 1U);
  EXPECT_EQ(transfer_->ends[0].error().code(), ErrorCode::kCorrupt);
}

TEST_F(TransferTest, HeadSendsNothingAndEndsTheTransfer) {
  start();
  make_file(1'000);
  auto c = client();
  c->send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(c->response(false), HasSubstr("Content-Length: 1000\r\n"));
  ASSERT_EQ(transfer_->ends.size(), 1U);
  EXPECT_FALSE(transfer_->ends[0]);
  EXPECT_EQ(transfer_->sent, 0U);
  c->get("/");
  EXPECT_EQ(body(c->response()).size(), 1'000U);
}

TEST_F(TransferTest, AnEmptySliceEndsWell) {
  start();
  make_file(0);
  auto c = client();
  c->get("/");
  EXPECT_THAT(c->response(), HasSubstr("Content-Length: 0\r\n"));
  ASSERT_EQ(transfer_->ends.size(), 1U);
  EXPECT_TRUE(transfer_->ends[0]);
}

TEST_F(TransferTest, SendsManyPipelinedFiles) {
  start();
  auto text = make_file(10);
  slice_.transfer = nullptr;
  auto c = client();
  std::string all;
  for (int i = 0; i < 2000; ++i) all += "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  c->send(all);
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(body(c->response()), text);
}

struct Countdown : BodySource {
  int pieces = 3;
  bool fail = false;
  std::string text = "piece ";
  Task<Result<ByteView>> read() override {
    if (pieces-- > 0) co_return as_bytes(text);
    if (fail) co_return Error{ErrorCode::kUnavailable, "lost"};
    co_return ByteView{};
  }
};

TEST_F(TransferTest, StreamsASourceAndCutsAnAnswerThatIsShorter) {
  start();
  bool fail = false;
  std::uint64_t length = 18;
  handler_.on_now = [&](const HttpRequest&) {
    HttpResponse response{200};
    auto source = std::make_shared<Countdown>();
    source->fail = fail;
    response.body = std::shared_ptr<BodySource>{source};
    response.source_length = length;
    return std::optional{std::move(response)};
  };
  auto c = client();
  c->get("/");
  EXPECT_THAT(c->response(), EndsWith("Content-Length: 18\r\n\r\npiece piece piece "));
  length = 8;
  c->get("/");
  EXPECT_THAT(c->response(), EndsWith("\r\n\r\npiece pi"));
  length = 100;
  for (bool lost : {false, true}) {
    fail = lost;
    auto cut = client();
    cut->get("/");
    EXPECT_THAT(cut->read_to_end(), EndsWith("\r\n\r\npiece piece piece "));
  }
}

}  // namespace
}  // namespace dray::net
