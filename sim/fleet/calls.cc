#include "sim/fleet/calls.h"

#include <charconv>

#include "wire/ddi_client.h"

namespace dray::sim::fleet {
namespace {

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// "/DEFAULT/controller/v1/NAME/deploymentBase/101/feedback", from behind the name.
struct Rest {
  std::string_view what, id, more;
};
Rest rest_of(std::string_view path) {
  std::string_view parts[3];
  for (auto& part : parts) {
    if (path.empty()) break;
    path.remove_prefix(1);
    part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
  }
  return {parts[0], parts[1], parts[2]};
}

}  // namespace

std::uint64_t Call::from() const {
  const std::string_view range = x.headers.get("Range");
  return range.starts_with("bytes=") ? number(range.substr(6)) : 0;
}

std::optional<Shown> shown_in(const std::string& poll_body) {
  const auto answer = wire::client::decode_poll(poll_body);
  if (!answer) return {};
  const auto id = [](const std::string& href) {
    const auto found = wire::client::action_in_link(href);
    return found ? *found : ActionId{};
  };
  return Shown{id(answer->confirmation), id(answer->deployment), id(answer->cancel)};
}

Call Switchboard::call(const Exchange& exchange, const Catalog& catalog) const {
  Call out{exchange, Kind::kOther};
  const Known& client = nodes_.at(exchange.client.node);
  out.who = client.who;
  switch (client.tier) {
    case Tier::kGateway:
      of_gateway(out, catalog, client.identity);
      break;
    case Tier::kDevice:
      of_device(out, catalog, client.identity);
      break;
    case Tier::kOperator:
      if (tier(*exchange.server.node) == Tier::kGateway) {
        out.kind = Kind::kLocal;
        out.gateway = exchange.server.node->name();
      } else {
        out.kind = Kind::kAdmin;
      }
      break;
    case Tier::kServer:
      break;
  }
  return out;
}

void Switchboard::of_gateway(Call& call, const Catalog& catalog, const std::string& identity) const {
  constexpr std::string_view kArtifacts = "/gateway/v1/artifacts/";
  call.gateway = identity;
  const std::string& path = call.x.path;
  if (path == "/gateway/v1/plan") {
    call.kind = Kind::kPlan;
  } else if (path == "/gateway/v1/reports") {
    call.kind = Kind::kReports;
  } else if (path.starts_with(kArtifacts)) {
    call.image = catalog.image(path.substr(kArtifacts.size()));
    if (call.image != nullptr) call.kind = Kind::kWanImage;
  }
}

void Switchboard::of_device(Call& call, const Catalog& catalog, const std::string& identity) const {
  call.gateway = call.x.server.node->name();
  call.device = identity;
  const std::string_view path = call.x.path;
  const std::size_t base = std::string_view{"/DEFAULT/controller/v1/"}.size() + call.device.size();
  if (path.size() <= base) {
    call.kind = Kind::kPoll;
    return;
  }
  const Rest rest = rest_of(path.substr(base));
  call.action = ActionId{static_cast<std::int64_t>(number(rest.id))};
  if (rest.what == "configData") {
    call.kind = Kind::kConfigData;
  } else if (rest.what == "confirmationBase" && rest.more == "feedback") {
    call.kind = Kind::kConfirmation;
  } else if (rest.what == "deploymentBase") {
    call.kind = rest.more == "feedback" ? Kind::kFeedback : Kind::kDeployment;
  } else if (rest.what == "cancelAction" && rest.more == "feedback") {
    call.kind = Kind::kCancelFeedback;
  } else if (rest.what == "softwaremodules") {
    call.image = catalog.image_of_file(std::string{path.substr(path.rfind('/') + 1)});
    if (call.image != nullptr) call.kind = Kind::kLanImage;
  }
}

}  // namespace dray::sim::fleet
