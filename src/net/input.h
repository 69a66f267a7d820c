// Bytes that came and were not used yet. Holds no memory while empty and released.
#pragma once

#include <string>
#include <string_view>

namespace dray::net {

class Input {
 public:
  std::string_view view() const { return std::string_view{bytes_}.substr(begin_); }
  std::size_t size() const { return bytes_.size() - begin_; }
  bool empty() const { return size() == 0; }

  void append(std::string_view more) {
    if (begin_ > 0) {
      bytes_.erase(0, begin_);
      begin_ = 0;
    }
    bytes_.append(more);
  }
  // Keeps views into it valid until the next append() or release().
  void consume(std::size_t count) { begin_ += count; }
  void release() {
    std::string{}.swap(bytes_);
    begin_ = 0;
  }

 private:
  std::string bytes_;
  std::size_t begin_ = 0;
};

}  // namespace dray::net
