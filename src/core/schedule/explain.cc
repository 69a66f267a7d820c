#include "core/schedule/explain.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace dray::core {
namespace {

std::string arithmetic(const Misfit& m) {
  const std::string at = m.rate.count > 0 ? " at " + human_rate(m.rate) : "";
  switch (m.obstacle) {
    case Obstacle::kNoRate:
      return "No rate is known: neither measured nor assumed";
    case Obstacle::kNoTransferWindow:
      return "No transfer window is open in time before the expiry";
    case Obstacle::kNoUpdateWindow:
      return "No update window is open before the expiry";
    case Obstacle::kTransferTooShort:
      return "The transmission needs " + human_duration(m.needs) + at + ", the transfer windows have " +
             human_duration(m.has) + " in time before the expiry";
    case Obstacle::kUpdateTooShort:
      return "Updating the devices needs " + human_duration(m.needs) + ", the update windows have " +
             human_duration(m.has) + " before the expiry";
    case Obstacle::kEgressTaken:
      return "The transmission needs " + human_duration(m.needs) + at +
             ", and what the server may send before the expiry is taken by other sites";
    case Obstacle::kExpiresTooSoon:
      return "It expires too soon, whatever the windows: it needs " + human_duration(m.needs) + at + ", and the expiry is " +
             (m.has > Duration{0} ? human_duration(m.has) + " away" : "now");
    case Obstacle::kTimesGiven:
      return "At the times that were given it does not end before the expiry: it needs " +
             human_duration(m.needs) + at;
  }
  return "";
}

std::string rate_text(double value) {  // bits per second
  static constexpr std::array kUnits{"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
  std::size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  char text[48];
  const int n = std::snprintf(text, sizeof text, "%.3g %s", value, kUnits[unit]);
  return std::string(text, static_cast<std::size_t>(n));
}

// To the three digits that are said: what is said to help has to help.
double rounded_up(double value) {
  double step = 1;
  while (value / step >= 999.5) step *= 10;
  return std::ceil(value / step * (1 - 1e-12)) * step;
}

}  // namespace

std::string_view word_of(Obstacle obstacle) {
  switch (obstacle) {
    case Obstacle::kNoRate:
      return "rate_unknown";
    case Obstacle::kNoTransferWindow:
    case Obstacle::kNoUpdateWindow:
      return "no_window";
    case Obstacle::kTransferTooShort:
    case Obstacle::kUpdateTooShort:
      return "window_too_short";
    case Obstacle::kEgressTaken:
      return "egress_taken";
    case Obstacle::kExpiresTooSoon:
      return "expires_too_soon";
    case Obstacle::kTimesGiven:
      return "times_too_late";
  }
  return "";
}

std::string sentence_of(const Misfit& misfit, const ZoneRules& zone) {
  std::array<std::string, 4> helps;
  const auto there = [&](WallTime time) { return to_local_text(zone, time) + " " + zone.name; };
  if (misfit.start_by) helps[0] = "if it began by " + there(*misfit.start_by);
  if (misfit.longer) helps[1] = "with windows " + human_duration(*misfit.longer) + " longer";
  if (misfit.faster)
    helps[2] = "with " + rate_text(rounded_up(8 * static_cast<double>(misfit.faster->count)));
  if (misfit.expiry) helps[3] = "if it expired on " + there(*misfit.expiry);
  std::string help;
  std::size_t left = 0;
  for (const std::string& one : helps) left += one.empty() ? 0 : 1;
  for (const std::string& one : helps) {
    if (one.empty()) continue;
    help += (help.empty() ? "; it would fit " : left == 1 ? ", or " : ", ") + one;
    --left;
  }
  return arithmetic(misfit) + help + ".";
}

std::string human_duration(Duration time) {
  const auto seconds = (time.count() + 999) / 1000;
  if (seconds < 60) return std::to_string(seconds) + " s";
  const auto minutes = (seconds + 59) / 60, hours = minutes / 60, days = hours / 24;
  if (hours == 0) return std::to_string(minutes) + " min";
  const auto pair = [](auto large, const char* unit, auto small, const char* rest) {
    return std::to_string(large) + unit + (small == 0 ? "" : " " + std::to_string(small) + rest);
  };
  if (days == 0) return pair(hours, " h", minutes % 60, " min");
  return pair(days, " d", hours % 24, " h");
}

std::string human_rate(BytesPerSecond rate) { return rate_text(8 * static_cast<double>(rate.count)); }

}  // namespace dray::core
