// Reports that the server has not acknowledged: numbered, newest per subject, sent in order.
// In memory here; every change gives the Writes that make it durable.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>

#include "gateway/documents/records.h"
#include "gateway/store.h"
#include "wire/gateway_api.h"

namespace dray::gateway {

class Outbox {
 public:
  // At the start, from the store.
  void restore_counters(core::ReportsSeen last, core::ReportsSeen acknowledged) {
    last_ = sent_ = last;
    acknowledged_ = acknowledged;
  }
  Result<> restore(wire::Report report);  // kInvalid: nobody ever gave it this number

  core::ReportsSeen last() const { return last_; }
  core::ReportsSeen acknowledged() const { return acknowledged_; }  // of this epoch; seq 0: nothing yet
  // The most that a server can have got from us, in this life and in those before: what was there when this one began,
  // and what was sent since. What was only numbered since says nothing of what the server has seen.
  core::ReportsSeen sent() const { return sent_; }
  bool empty() const { return pending_.empty(); }
  std::size_t size() const { return pending_.size(); }

  // Numbers it; an older one of the same subject is dropped.
  Writes add(wire::ReportBody body, WallTime at);
  // The oldest ones that fit into one request, at most `most`, encoded.
  struct Batch {
    std::vector<std::string> reports;
    core::ReportsSeen last;
  };
  Batch batch(std::size_t most = wire::kMostReports) const;
  // The report of this number is kept beside, because this server can't take it, until its subject is told: the others
  // go on. Where it waits no more, there is a newer one of its subject, and nothing is done.
  using Aside = documents::Aside;
  Writes set_aside(std::int64_t seq, std::string why, WallTime at);
  const std::map<std::string, Aside>& aside() const { return aside_; }  // by subject
  Result<> restore_aside(const Document& document);
  void sending(const Batch& batch) { sent_ = std::max(sent_, batch.last); }
  Writes acknowledge(core::ReportsSeen seen);
  // The server has lost what it acknowledged behind `seen`.
  void forget_acknowledged(core::ReportsSeen seen) { acknowledged_ = seen; }
  // A new epoch: what waits is numbered anew.
  Writes begin_epoch(std::int64_t epoch);

 private:
  Writes put(wire::Report report);

  core::ReportsSeen last_{1, 0}, sent_{1, 0}, acknowledged_{1, 0};
  std::map<std::int64_t, wire::Report> pending_;  // by seq; all of last_.epoch
  std::unordered_map<std::string, std::int64_t> newest_;
  std::map<std::string, Aside> aside_;
};

}  // namespace dray::gateway
