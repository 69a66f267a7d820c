#include "wire/plan_flaw.h"

#include <array>
#include <charconv>

#include "base/text.h"

namespace dray::wire {
namespace {

constexpr std::size_t kLongestNamed = 80;  // bytes of a name, in a sentence

struct ListOfPlan {
  std::string_view member, subject, name;
};
constexpr std::array<ListOfPlan, 6> kLists{ListOfPlan{"artifacts", "artifact", "sha256"},
                                           ListOfPlan{"devices", "device", "name"},
                                           ListOfPlan{"device_types", "device_type", "name"},
                                           ListOfPlan{"assignments", "assignment", "id"},
                                           ListOfPlan{"deferrals", "deferral", "id"},
                                           ListOfPlan{"cancels", "job", "job"}};

// The element that a path "devices[3].type" leads through, and what of the path is left.
const json::object* element_at(const json::object& plan, std::string_view list, std::string_view& path) {
  const json::value* items = plan.if_contains(list);
  if (items == nullptr || !items->is_array() || !path.starts_with(list)) return nullptr;
  std::string_view rest = path.substr(list.size());
  if (!rest.starts_with('[')) return nullptr;
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), index);
  if (error != std::errc{} || index >= items->get_array().size()) return nullptr;
  path = rest.substr(static_cast<std::size_t>(end - rest.data()));
  return items->get_array()[index].if_object();
}

std::string named(std::string_view subject, const json::object& of, std::string_view member) {
  const json::value* name = of.if_contains(member);
  if (name == nullptr || !name->is_string()) return {};
  return " (" + std::string{subject} + " " + clean_text(name->get_string(), kLongestNamed) + ")";
}

// Whose row it is.
std::string owner_of(const json::object& plan, std::string_view path) {
  for (const ListOfPlan& list : kLists) {
    std::string_view rest = path;
    const json::object* element = element_at(plan, list.member, rest);
    if (element == nullptr) continue;
    if (rest.starts_with("].jobs")) {
      rest.remove_prefix(2);
      if (const json::object* job = element_at(*element, "jobs", rest)) return named("job", *job, "id");
    }
    return named(list.subject, *element, list.name);
  }
  return {};
}

// Where a text is no UTF-8; thrown as what is wrong with a member is.
void check_texts(const Node& node) {
  const json::value& value = node.value();
  if (value.is_string() && !is_utf8(value.get_string())) node.refuse("is no UTF-8");
  if (value.is_array()) node.each([](const Node& n) { check_texts(n); });
  if (!value.is_object()) return;
  node.members([&](std::string_view key, const Node& n) {
    if (!is_utf8(key)) node.refuse("has a member whose name is no UTF-8");
    check_texts(n);
  });
}

}  // namespace

std::optional<std::string> plan_flaw(const PlanMessage& message) {
  const json::value plan = plan_object(message);
  const auto decoded = decode_plan(to_text(plan));
  if (decoded) return {};
  std::string what = decoded.error().message();
  try {
    check_texts(Node{plan, ""});  // says more than the number of a byte
  } catch (const BadField& bad) {
    what = bad.message;
  }
  return what + owner_of(plan.get_object(), what);
}

}  // namespace dray::wire
