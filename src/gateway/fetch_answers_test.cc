// What comes in the middle of a fetch and is not the rest of the artifact: nothing that is here is given up for it, and no byte
// crosses the WAN twice that need not.
#include "gateway/testing/hostile_world.h"

namespace dray::gateway {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWhole = 5'000'000, kHere = 3'000'000;

// A body that breaks off behind what it has.
class BrokenOff final : public BodySource {
 public:
  explicit BrokenOff(std::string text) : text_{std::move(text)} {}
  Task<Result<ByteView>> read() override {
    if (at_ == text_.size()) co_return Error{ErrorCode::kUnavailable, "cut"};
    const std::size_t n = std::min<std::size_t>(64 << 10, text_.size() - at_);
    const auto piece = as_bytes(std::string_view{text_}.substr(at_, n));
    at_ += n;
    co_return piece;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

class FetchAnswers : public testing_world::LoopsTest {
 protected:
  using Answers = std::vector<std::function<HttpResponse(std::size_t from)>>;

  // The first answer breaks off after kHere bytes, the next ones are `then`, and after them all is well. How much came in all.
  std::uint64_t fetch(Answers then) {
    artifact = add(kWhole);
    server.honest.publish(plan_of({artifact}));
    then.insert(then.begin(), [this](std::size_t) { return broken_off(200, 0, kHere); });
    server.instead["artifacts"] = [this, then](const HttpRequest& request, const std::string&) -> std::optional<HttpResponse> {
      const auto range = request.headers.find("Range");
      froms.push_back(range ? std::stoul(std::string{range->substr(6)}) : 0);
      if (froms.size() > then.size()) return {};
      return then[froms.size() - 1](froms.back());
    };
    gw.power_on();
    EXPECT_TRUE(world.run_until([&] { return is_stored(artifact); }, 30min));
    return world.network().count("gw", "server", "/gateway/v1/artifacts").downloaded;
  }
  HttpResponse answer(int status, std::string body) const {
    HttpResponse out{status};
    out.headers.add("ETag", tag());
    out.body = std::move(body);
    return out;
  }
  HttpResponse broken_off(int status, std::size_t from, std::size_t to) const {
    HttpResponse out = answer(status, "");
    out.source_length = kWhole - from;
    out.body = std::shared_ptr<BodySource>{std::make_shared<BrokenOff>(bytes_of(kWhole).substr(from, to - from))};
    return out;
  }
  HttpResponse part(std::size_t from, std::size_t to) const {
    HttpResponse out = answer(206, bytes_of(kWhole).substr(from, to - from));
    out.headers.add("Content-Range", "bytes " + std::to_string(from) + "-" + std::to_string(to - 1) + "/" + std::to_string(kWhole));
    return out;
  }
  static HttpResponse page() {
    HttpResponse out{200};
    out.headers.add("Content-Type", "text/html");
    out.body = std::string{"<html>Please log in</html>"};
    return out;
  }
  std::string tag() const { return "\"" + artifact.sha256.hex() + "\""; }

  core::Artifact artifact;
  std::vector<std::size_t> froms;  // where the gateway wanted each answer to begin
};

TEST_F(FetchAnswers, APortalCostsItsPageAndNothingElse) {
  const auto portal = [](std::size_t) { return page(); };
  EXPECT_EQ(fetch({portal, portal, portal}), kWhole + 3 * 26);
  EXPECT_EQ(froms, (std::vector<std::size_t>{0, kHere, kHere, kHere, kHere}));
}

TEST_F(FetchAnswers, APortalThatKeepsTheRangeOrTheTagFromNobodyIsNotTakenEither) {
  const auto with = [](int status, std::string name, std::string value) {
    return [=](std::size_t) {
      HttpResponse out = page();
      out.status = status;
      out.headers.add(name, value);
      return out;
    };
  };
  const std::uint64_t came = fetch({with(200, "ETag", "\"portal\""), with(206, "Content-Range", "bytes 3000000-3000025/26"),
                                    [this](std::size_t) { return answer(200, "<html>Please log in</html>"); }});
  for (const std::size_t from : froms) EXPECT_TRUE(from == 0 || from >= kHere) << from;
  EXPECT_EQ(came, kWhole + 3 * 26);
}

// What is freed for it somebody else takes at once.
TEST_F(FetchAnswers, ADiskThatFillsWhileBytesComeIsAFullStoreAndNoLoop) {
  artifact = add(kHere);
  server.honest.publish(plan_of({artifact}));
  int asked = 0;
  server.instead["artifacts"] = [&](const HttpRequest&, const std::string&) -> std::optional<HttpResponse> {
    ++asked;
    gw.disk().set_capacity(gw.disk().used_bytes());
    world.after(30s, [this] { gw.disk().set_capacity(sim::SimDisk::kNoLimit); });
    return {};
  };
  gw.power_on();
  EXPECT_TRUE(world.run_until([&] { return asked == 1; }, 10min));
  run_for(20s);
  const auto said = [&](std::string_view what) {
    return std::count_if(lines.begin(), lines.end(), [&](const std::string& line) { return line.find(what) != line.npos; });
  };
  EXPECT_EQ(said("store_full"), 1);
  run_for(1h);
  EXPECT_LE(asked, 5);
  EXPECT_GE(asked, 3);
  EXPECT_EQ(said("store_full"), 1);
  server.instead.clear();
  EXPECT_TRUE(world.run_until([&] { return is_stored(artifact); }, 6h));
}

// Wrong bytes of the right length can only be known by the tag.
TEST_F(FetchAnswers, AnotherFileOfTheSameLengthIsNotTaken) {
  const auto other = [this](std::size_t) {
    HttpResponse out = answer(200, bytes_of(kWhole, 9));
    out.headers.set("ETag", "W/\"another\"");
    return out;
  };
  fetch({other});
  EXPECT_EQ(froms, (std::vector<std::size_t>{0, kHere, kHere}));
}

TEST_F(FetchAnswers, AWeakTagIsTaken) {
  const auto weak = [this](std::size_t from) {
    HttpResponse out = part(from, kWhole);
    out.headers.set("ETag", "W/" + tag());
    return out;
  };
  EXPECT_EQ(fetch({weak}), kWhole);
}

TEST_F(FetchAnswers, TheWholeFileThatBreaksOffEarlierLosesNothing) {
  EXPECT_EQ(fetch({[this](std::size_t) { return broken_off(200, 0, 1'000'000); }}), kWhole + 1'000'000);
  EXPECT_EQ(froms, (std::vector<std::size_t>{0, kHere, kHere}));
}

TEST_F(FetchAnswers, OfTheWholeFileTheMissingPartIsTaken) {
  EXPECT_EQ(fetch({[this](std::size_t) { return answer(200, bytes_of(kWhole)); }}), kHere + kWhole);
  EXPECT_EQ(froms, (std::vector<std::size_t>{0, kHere}));
}

TEST_F(FetchAnswers, APartThatBeginsEarlierIsTakenFromWhatIsMissing) {
  const std::size_t block = kHere / 65'536 * 65'536;
  EXPECT_EQ(fetch({[&](std::size_t) { return part(block, 3'500'000); }}), kWhole + (kHere - block));
  EXPECT_EQ(froms, (std::vector<std::size_t>{0, kHere, 3'500'000}));
}

TEST_F(FetchAnswers, WhoSendsNoPartsIsAskedForAllOfIt) {
  EXPECT_EQ(fetch({[this](std::size_t) { return answer(416, ""); }, [this](std::size_t) { return answer(200, bytes_of(kWhole)); }}), kHere + kWhole);
  EXPECT_EQ(froms, (std::vector<std::size_t>{0, kHere, 0}));
}

// --- bytes that are wrong ---

class DamagedBytes : public FetchAnswers {
 protected:
  DamagedBytes() {
    server.instead["reports"] = [this](const HttpRequest&, const std::string& body) -> std::optional<HttpResponse> {
      const auto batch = wire::decode_reports(body);
      for (const wire::Report& report : batch ? *batch : std::vector<wire::Report>{}) {
        if (const auto* storage = std::get_if<wire::StorageReport>(&report.body)) damaged = storage->damaged;
        if (const auto* job = std::get_if<wire::JobReport>(&report.body)) reason = job->reason;
      }
      return {};
    };
  }
  std::vector<wire::SpoiltArtifact> damaged;  // as the server was told last
  std::string reason;
};

TEST_F(DamagedBytes, AreSaidByGatewayAndJobUntilTheyAreRight) {
  artifact = add(300'000);
  server.honest.publish(plan_of({artifact}));
  server.instead["artifacts"] = [this](const HttpRequest&, const std::string&) { return answer(200, bytes_of(300'000, 2)); };
  gw.power_on();
  run_for(10min);
  ASSERT_EQ(damaged.size(), 1U);
  EXPECT_EQ(damaged[0].sha256, artifact.sha256);
  EXPECT_EQ(damaged[0].times, static_cast<std::int64_t>(server.asked["artifacts"].size()));
  EXPECT_EQ(reason, "artifact_damaged");
  EXPECT_LE(server.asked["artifacts"].size(), 15U);
  server.instead.erase("artifacts");
  run_for(1h);
  EXPECT_TRUE(is_stored(artifact));
  EXPECT_TRUE(damaged.empty());
  EXPECT_NE(reason, "artifact_damaged");
}

HttpResponse its_own_are_damaged() {
  HttpResponse out{503};
  out.headers.add("Content-Type", "application/problem+json");
  out.headers.add("Retry-After", "60");
  out.body = std::string{R"({"status":503,"reason":"artifact_damaged"})"};
  return out;
}

// Over a slow line sound bytes may come for hours: what was said of the ones before is over with the first answer.
TEST_F(DamagedBytes, AreNotSaidAnyMoreWhereTheServersBytesComeAgain) {
  artifact = add(kWhole);
  server.honest.publish(plan_of({artifact}));
  server.instead["artifacts"] = [](const HttpRequest&, const std::string&) { return its_own_are_damaged(); };
  gw.power_on();
  run_for(5min);
  ASSERT_EQ(reason, "artifact_damaged");
  server.instead["artifacts"] = [this](const HttpRequest&, const std::string&) { return broken_off(200, 0, 1'000'000); };
  run_for(3min);
  EXPECT_FALSE(is_stored(artifact));
  EXPECT_EQ(reason, "waiting_artifact");
}

// Here it was the bytes: only all of them can tell.
TEST_F(DamagedBytes, ThatCameAreSaidUntilAllAreRight) {
  artifact = add(kWhole);
  server.honest.publish(plan_of({artifact}));
  server.instead["artifacts"] = [this](const HttpRequest&, const std::string&) { return answer(200, bytes_of(kWhole, 2)); };
  gw.power_on();
  run_for(5min);
  ASSERT_EQ(reason, "artifact_damaged");
  server.instead["artifacts"] = [this](const HttpRequest&, const std::string&) { return broken_off(200, 0, 1'000'000); };
  run_for(10min);
  EXPECT_EQ(reason, "artifact_damaged");
}

TEST_F(DamagedBytes, AServerThatSaysSoItselfIsBelievedAndCostsNothing) {
  artifact = add(300'000);
  server.honest.publish(plan_of({artifact}));
  server.instead["artifacts"] = [](const HttpRequest&, const std::string&) { return its_own_are_damaged(); };
  gw.power_on();
  run_for(30min);
  EXPECT_EQ(reason, "artifact_damaged");
  EXPECT_LE(server.asked["artifacts"].size(), 32U);
  server.instead.erase("artifacts");
  run_for(90s);
  EXPECT_TRUE(is_stored(artifact)) << "soon after it was uploaded again";
  EXPECT_NE(reason, "artifact_damaged");
}

}  // namespace
}  // namespace dray::gateway
