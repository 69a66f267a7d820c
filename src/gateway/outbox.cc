#include "gateway/outbox.h"

#include "gateway/documents/format.h"

namespace dray::gateway {
namespace {

constexpr std::size_t kMostAside = 1'000;  // the oldest go: a server that takes nothing must not fill the disk

}  // namespace

Result<> Outbox::restore(wire::Report report) {
  if (report.seq > documents::kMostSeq)
    return Error{ErrorCode::kInvalid, "seq: must be at most " + std::to_string(documents::kMostSeq)};
  last_ = std::max(last_, core::ReportsSeen{report.epoch, report.seq});
  sent_ = last_;
  newest_[wire::subject_of(report)] = report.seq;
  pending_.insert_or_assign(report.seq, std::move(report));
  return {};
}

Writes Outbox::put(wire::Report report) {
  Writes writes;
  const std::string subject = wire::subject_of(report);
  if (const auto older = newest_.find(subject); older != newest_.end()) pending_.erase(older->second);
  newest_[subject] = report.seq;
  writes.push_back(Write::put(kind::kReport, subject, documents::write_message(wire::encode_report(report))));
  pending_.insert_or_assign(report.seq, std::move(report));
  return writes;
}

Writes Outbox::add(wire::ReportBody body, WallTime at) {
  ++last_.seq;
  wire::Report report;
  report.epoch = last_.epoch;
  report.seq = last_.seq;
  report.at = at;
  report.body = std::move(body);
  return put(std::move(report));
}

Outbox::Batch Outbox::batch(std::size_t most) const {
  Batch out;
  std::size_t bytes = 2;
  for (const auto& [seq, report] : pending_) {
    std::string text = wire::encode_report(report);
    bytes += text.size() + 1;
    const bool full = out.reports.size() == std::min(most, wire::kMostReports) || bytes > wire::kMostReportBytes;
    if (full && !out.reports.empty()) break;
    out.reports.push_back(std::move(text));
    out.last = {report.epoch, seq};
  }
  return out;
}

Writes Outbox::acknowledge(core::ReportsSeen seen) {
  Writes writes;
  if (seen.epoch != last_.epoch) return writes;
  acknowledged_ = std::max(acknowledged_, std::min(seen, last_));
  while (!pending_.empty() && pending_.begin()->first <= seen.seq) {
    const std::string subject = wire::subject_of(pending_.begin()->second);
    writes.push_back(Write::erase(kind::kReport, subject));
    newest_.erase(subject);
    pending_.erase(pending_.begin());
    if (aside_.erase(subject) > 0) writes.push_back(Write::erase(kind::kAside, subject));
  }
  return writes;
}

Writes Outbox::set_aside(std::int64_t seq, std::string why, WallTime at) {
  Writes writes;
  const auto refused = pending_.find(seq);
  if (refused == pending_.end()) return writes;
  const std::string subject = wire::subject_of(refused->second);
  if (aside_.size() >= kMostAside && !aside_.contains(subject)) {
    const auto oldest = std::min_element(aside_.begin(), aside_.end(), [](const auto& a, const auto& b) { return a.second.at < b.second.at; });
    writes.push_back(Write::erase(kind::kAside, oldest->first));
    aside_.erase(oldest);
  }
  const Aside& aside = aside_[subject] = {wire::encode_report(refused->second), std::move(why), at};
  writes.push_back(Write::put(kind::kAside, subject, documents::write_aside(aside)));
  writes.push_back(Write::erase(kind::kReport, subject));
  newest_.erase(subject);
  pending_.erase(refused);
  return writes;
}

Result<> Outbox::restore_aside(const Document& document) {
  DRAY_TRY(aside_[document.id], documents::read_aside(document.text));
  return {};
}

Writes Outbox::begin_epoch(std::int64_t epoch) {
  Writes writes;
  auto old = std::exchange(pending_, {});
  for (const auto& [subject, seq] : newest_) writes.push_back(Write::erase(kind::kReport, subject));
  newest_.clear();
  last_ = sent_ = acknowledged_ = {epoch, 0};
  for (auto& [seq, report] : old) {
    Writes more = add(std::move(report.body), report.at);
    writes.insert(writes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return writes;
}

}  // namespace dray::gateway
