// When sites may be used, and the times that were computed for them, in the admin API.
#include <algorithm>

#include "wire/admin_api.h"
#include "wire/json_write.h"

namespace dray::wire {
namespace {

constexpr std::size_t kMostWindows = 100, kLongestWindow = 128;

template <class T>
std::vector<T> parsed(const Node& node, Result<T> (*parse)(std::string_view)) {
  std::vector<T> out;
  node.each(
      [&](const Node& n) {
        auto one = parse(n.text(kLongestWindow));
        if (!one) n.refuse(one.error().message());
        out.push_back(std::move(*one));
      },
      kMostWindows);
  return out;
}

template <class T>
json::array texts(const std::vector<T>& items) {
  json::array out;
  for (const T& item : items) out.emplace_back(core::to_text(item));
  return out;
}

}  // namespace

json::array encode_windows(const std::vector<core::Window>& windows) { return texts(windows); }
json::array encode_black_outs(const std::vector<core::BlackOut>& black_outs) { return texts(black_outs); }
std::vector<core::Window> decode_windows(const Node& node) { return parsed(node, core::parse_window); }
std::vector<core::BlackOut> decode_black_outs(const Node& node) {
  return parsed(node, core::parse_black_out);
}

PlanningView summary_of(const std::vector<SiteTimesView>& sites) {
  PlanningView out;
  for (const SiteTimesView& one : sites) {
    ++out.sites;
    out.bytes += one.bytes;
    if (one.misfit.empty()) {
      if (one.finish_at) out.finish_at = std::max(out.finish_at.value_or(*one.finish_at), *one.finish_at);
      continue;
    }
    if (++out.misfits > 1) continue;
    out.site = one.site;
    out.misfit = one.misfit;
    out.sentence = one.sentence;
  }
  return out;
}

json::object encode(const SiteTimesView& view) {
  const std::optional<WallTime> start = view.transmit_at ? view.transmit_at : view.update_at;
  json::object out{{"site", view.site},
          {"devices", view.devices},
          {"bytes", view.bytes},
          {"rate", view.rate},
          {"planned_at", time_or_null(view.planned_at)},
          {"start_at", time_or_null(start)},
          {"transmit_at", time_or_null(view.transmit_at)},
          {"update_at", time_or_null(view.update_at)},
          {"fetched_at", time_or_null(view.fetched_at)},
          {"finish_at", time_or_null(view.finish_at)},
          {"fits", view.planned_at ? json::value(view.misfit.empty()) : json::value{}},
          {"reason", text_or_null(view.misfit)},
          {"sentence", text_or_null(view.sentence)}};
  if (view.assumed) out["assumed"] = *view.assumed;
  return out;
}

json::object encode(const PlanningView& view) {
  return {{"sites", view.sites},
          {"fit", view.sites - view.misfits},
          {"bytes", view.bytes},
          {"finish_at", time_or_null(view.finish_at)}};
}

json::object encode(const WhatIfView& view) {
  const PlanningView sum = summary_of(view.sites);
  json::object out = encode(sum);
  out["incompatible"] = view.incompatible;
  json::array items;
  for (const SiteTimesView& one : view.sites) items.push_back(encode(one));
  out["items"] = std::move(items);
  if (!view.warnings.empty()) out["warnings"] = json::value_from(view.warnings);
  if (view.with_facts) out["facts"] = encode(view.facts);
  return out;
}

}  // namespace dray::wire
