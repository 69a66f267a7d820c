// Uploads into the real server: what is wrong is refused with a clear error and stored nowhere; what was cut
// goes on.
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "program.h"

namespace dray::testing_support {
namespace {

using boost::json::object;

class Uploads : public ServerProgram {
 protected:
  Answer begin(const std::string& sha, std::uint64_t size) {
    const object wanted{{"sha256", sha}, {"size", size}};
    return post("uploads", wanted);
  }
  Answer send(const std::string& sha, std::uint64_t offset, const std::string& bytes) {
    return admin({.method = "PATCH",
                  .path = "/api/v1/uploads/" + sha,
                  .body = bytes,
                  .headers = {{"Upload-Offset", std::to_string(offset)}}});
  }
  Answer state(const std::string& sha) { return admin({.method = "HEAD", .path = "/api/v1/uploads/" + sha}); }
  // Waits until the server has more than `bytes` of it.
  std::uint64_t wait_for_offset(const std::string& sha, std::uint64_t bytes) {
    for (int i = 0; i < 1'000; ++i) {
      const auto answer = state(sha);
      const auto offset = answer.status == 200 ? std::stoull(answer.headers.at("upload-offset")) : 0;
      if (offset > bytes) return offset;
      std::this_thread::yield();
    }
    ADD_FAILURE() << "the upload did not go on";
    return 0;
  }
  std::size_t files_in(const std::string& name) {
    std::size_t n = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator{data(name)}) ++n;
    return n;
  }
};

TEST_F(Uploads, GoThroughInPiecesAndAreNamedByTheirHash) {
  const std::string bytes = image(3'000'000), sha = sha256_hex(bytes);
  const auto begun = begin(sha, bytes.size());
  EXPECT_EQ(begun.status, 201);
  EXPECT_EQ(begun.headers.at("location"), "/api/v1/uploads/" + sha);
  EXPECT_EQ(send(sha, 0, bytes.substr(0, 1'000'000)).headers.at("upload-offset"), "1000000");
  EXPECT_EQ(state(sha).headers.at("upload-offset"), "1000000");
  const auto done = send(sha, 1'000'000, bytes.substr(1'000'000));
  EXPECT_EQ(done.status, 200);
  EXPECT_EQ(done.headers.at("upload-complete"), "?1");
  EXPECT_EQ(read_file(data("blobs/" + sha)), bytes);
  EXPECT_EQ(files_in("uploads"), 0u);
  EXPECT_EQ(begin(sha, bytes.size()).headers.at("upload-complete"), "?1")
      << "a second upload has nothing to send";
}

TEST_F(Uploads, WithTheWrongHashAreRefusedAndRemoved) {
  const std::string bytes = image(500'000), sha = sha256_hex("something else");
  begin(sha, bytes.size());
  const auto done = send(sha, 0, bytes);
  EXPECT_EQ(done.status, 422);
  EXPECT_NE(done.detail().find("sha256: the bytes have " + sha256_hex(bytes)), std::string::npos)
      << done.body;
  EXPECT_EQ(files_in("uploads") + files_in("blobs"), 0u);
  EXPECT_EQ(state(sha).status, 404);
}

TEST_F(Uploads, AtTheWrongOffsetAreToldTheRightOne) {
  const std::string bytes = image(10'000), sha = sha256_hex(bytes);
  begin(sha, bytes.size());
  send(sha, 0, bytes.substr(0, 4'000));
  for (const std::uint64_t offset : {0U, 3'999U, 4'001U, 99'999U}) {
    const auto refused = send(sha, offset, "xxxx");
    EXPECT_EQ(refused.status, 409);
    EXPECT_EQ(refused.headers.at("upload-offset"), "4000");
  }
  EXPECT_EQ(admin({.method = "PATCH",
                   .path = "/api/v1/uploads/" + sha,
                   .body = "x",
                   .headers = {{"Upload-Offset", "many"}}})
                .status,
            400);
  EXPECT_EQ(send(sha, 4'000, bytes.substr(4'000)).status, 200);
}

TEST_F(Uploads, ThatSayMoreThanTheyAnnouncedAreStopped) {
  const std::string bytes = image(10'000), sha = sha256_hex(bytes);
  begin(sha, bytes.size());
  EXPECT_EQ(send(sha, 0, bytes + "more").status, 413);
  const auto offset = std::stoull(state(sha).headers.at("upload-offset"));
  EXPECT_LE(offset, bytes.size());
  EXPECT_EQ(send(sha, offset, bytes.substr(offset)).status, 200);
}

TEST_F(Uploads, ThatAreCutGoOnWhereTheyWere) {
  const std::string bytes = image(6'000'000), sha = sha256_hex(bytes);
  begin(sha, bytes.size());
  {
    Connection connection{admin_port};
    connection.send({.method = "PATCH",
                     .path = "/api/v1/uploads/" + sha,
                     .token = token,
                     .body = bytes.substr(0, 4'000'000),
                     .headers = {{"Upload-Offset", "0"}},
                     .announce = bytes.size()});
    wait_for_offset(sha, 1'000'000);
  }  // gone in the middle
  Answer done;
  for (int i = 0; i < 1'000 && done.status != 200; ++i) {  // 409 until the server has seen the cut
    const auto offset = std::stoull(state(sha).headers.at("upload-offset"));
    done = send(sha, offset, bytes.substr(offset));
  }
  EXPECT_EQ(done.headers["upload-complete"], "?1") << done.body;
  EXPECT_EQ(read_file(data("blobs/" + sha)), bytes);
}

TEST_F(Uploads, SurviveAKilledServer) {
  const std::string bytes = image(12'000'000), sha = sha256_hex(bytes);
  begin(sha, bytes.size());
  std::uint64_t told = 0;
  {
    Connection connection{admin_port};
    connection.send({.method = "PATCH",
                     .path = "/api/v1/uploads/" + sha,
                     .token = token,
                     .body = bytes.substr(0, 9'000'000),
                     .headers = {{"Upload-Offset", "0"}},
                     .announce = bytes.size()});
    told = wait_for_offset(sha, 5'000'000);
    kill();
  }
  start();
  const auto offset = std::stoull(state(sha).headers.at("upload-offset"));
  EXPECT_GE(offset, told) << "what was answered is there";
  EXPECT_EQ(send(sha, offset, bytes.substr(offset)).headers["upload-complete"], "?1");
  EXPECT_EQ(read_file(data("blobs/" + sha)), bytes);
}

TEST_F(Uploads, WhoseServerDiedBetweenTheLastByteAndTheEndAreEndedByTheNextCall) {
  const std::string bytes = image(100'000), sha = sha256_hex(bytes);
  begin(sha, bytes.size());
  send(sha, 0, bytes.substr(0, 10));
  kill();
  write_file(data("uploads/" + sha), bytes);
  start();
  const auto done = begin(sha, bytes.size());
  EXPECT_EQ(done.headers.at("upload-complete"), "?1") << done.body;
  EXPECT_EQ(read_file(data("blobs/" + sha)), bytes);
}

TEST_F(Uploads, ThatAreTooLargeAreRefusedBeforeAByteIsSent) {
  terminate();
  limits = "artifact = \"1 MB\"\n";
  start();
  const auto refused = begin(sha256_hex("x"), 1'000'001);
  EXPECT_EQ(refused.status, 413);
  EXPECT_NE(refused.detail().find("1000000"), std::string::npos);
  EXPECT_EQ(begin(sha256_hex("x"), 1'000'000).status, 201);
  EXPECT_EQ(begin(sha256_hex("y"), 0).status, 400);
}

TEST_F(Uploads, ThatTheDiskHasNoRoomForAreRefused) {
  terminate();
  limits = "disk_reserve = \"900 TB\"\n";
  start();
  const auto refused = begin(sha256_hex("x"), 1'000);
  EXPECT_EQ(refused.status, 507);
  EXPECT_NE(refused.detail().find("reserved"), std::string::npos) << refused.body;
  EXPECT_EQ(files_in("uploads"), 0u);
}

TEST_F(Uploads, NeedNoMoreMemoryForFiveGibibytesThanForOne) {
  const std::uint64_t size = 5ULL << 30;
  const std::string sha =
      "7f06c62352aebd8125b2a1841e2b9e1ffcbed602f381c3dcb3200200e383d1d5";  // of 5 GiB of zeros
  ASSERT_EQ(begin(sha, size).status, 201);
  const int sparse = ::open((folder / "sparse").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::ftruncate(sparse, static_cast<off_t>(size)), 0);
  Connection connection{admin_port};
  connection.send({.method = "PATCH",
                   .path = "/api/v1/uploads/" + sha,
                   .token = token,
                   .body = {},
                   .headers = {{"Upload-Offset", "0"}},
                   .announce = size});
  ASSERT_TRUE(connection.send_file(sparse, size));
  const auto done = connection.receive();
  ::close(sparse);
  EXPECT_EQ(done.status, 200) << done.body;
  EXPECT_EQ(done.headers.at("upload-offset"), std::to_string(size));
  const std::string status = read_file("/proc/" + std::to_string(server->pid()) + "/status");
  const auto at = status.find("VmHWM:");
  ASSERT_NE(at, std::string::npos);
  EXPECT_LT(std::stoul(status.substr(at + 6)), 64'000u) << "KiB at most resident";
}

}  // namespace
}  // namespace dray::testing_support
