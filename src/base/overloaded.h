// std::visit with one lambda a type: Overloaded{[](const A&) {...}, [](const B&) {...}}.
#pragma once

namespace dray {

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};

}  // namespace dray
