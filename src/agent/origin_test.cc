// The agent's token is for the server that it is configured for: never for another one that a link leads to.
#include "agent/agent_world_testing.h"

namespace dray::agent {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the rig is what this file is about

// Another host that has the same things, and keeps what it was told about who asks.
class Mirror final : public HttpHandler {
 public:
  explicit Mirror(HttpHandler& behind) : behind_{behind} {}
  Task<HttpResponse> handle(HttpRequest request, Stop& stop) override {
    ++asked;
    with_token += request.headers.find("Authorization") ? 1 : 0;
    if (locked) co_return HttpResponse{401};
    HttpResponse answer = co_await behind_.handle(std::move(request), stop);
    if (!tag.empty()) answer.headers.set("ETag", tag);
    co_return answer;
  }
  int asked = 0, with_token = 0;
  std::string tag;
  bool locked = false;

 private:
  HttpHandler& behind_;
};

class AgentOrigin : public AgentTest {
 protected:
  void lead_elsewhere(const std::string& path) {
    set_up();
    settings.authorization = "TargetToken secret";
    world.network().serve(server_node, "mirror", mirror);
    world.network().serve(server_node, "gw:8080", mirror);
    world.trace().on_line([this](std::string_view, std::string_view line) {
      said += line.find("token_kept_back") != std::string_view::npos ? 1 : 0;
      refused += line.find("token_refused name") != std::string_view::npos ? 1 : 0;
    });
    server.after = [path](HttpResponse& answer) {
      auto* text = std::get_if<std::string>(&answer.body);
      if (text == nullptr) return;
      const std::string here = "http://gw/DEFAULT/controller/v1/dev-1" + path;
      for (std::size_t at = text->find(here); at != std::string::npos; at = text->find(here, at + 1)) text->replace(at, 9, "http://mirror");
    };
    server.instead = [this](const HttpRequest& request, const std::string&) -> std::optional<HttpResponse> {
      tokens += request.headers.get("Authorization") == "TargetToken secret" ? 1 : 0;
      return {};
    };
    server.order(101, {new_os});
    device.power_on();
  }
  Mirror mirror{server};
  int tokens = 0, said = 0, refused = 0;
};

TEST_F(AgentOrigin, BytesOfAnotherHostAreFetchedWithoutTheToken) {
  lead_elsewhere("/softwaremodules");
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min));
  EXPECT_GT(mirror.asked, 0);
  EXPECT_EQ(mirror.with_token, 0);
  EXPECT_GT(tokens, 0) << "its own server gets it";
  EXPECT_EQ(said, 1);
}

TEST_F(AgentOrigin, TagsOfAnotherHostAreNoHashes) {
  mirror.tag = "\"" + std::string(64, 'a') + "\"";
  lead_elsewhere("/softwaremodules");
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min));
  EXPECT_GT(mirror.asked, 0);
}

TEST_F(AgentOrigin, DocumentsOfAnotherHostAreFetchedWithoutTheToken) {
  lead_elsewhere("/deploymentBase");
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min));
  EXPECT_GT(mirror.asked, 0);
  EXPECT_EQ(mirror.with_token, 0);
}

// It was asked without a token, so its 401 says nothing of ours.
TEST_F(AgentOrigin, AnotherHostThatWantsATokenDoesNotRefuseOurs) {
  mirror.locked = true;
  lead_elsewhere("/deploymentBase");
  ASSERT_TRUE(world.run_for(10min));
  EXPECT_GT(mirror.asked, 0);
  EXPECT_EQ(refused, 0);
}

TEST_F(AgentOrigin, ItsOwnServersLinksCarryIt) {
  lead_elsewhere("/nothing");
  ASSERT_TRUE(world.run_until([&] { return server.closed("success"); }, 10min));
  EXPECT_EQ(mirror.asked, 0);
  EXPECT_EQ(said, 0);
}

}  // namespace
}  // namespace dray::agent
