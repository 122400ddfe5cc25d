// Text that must not stay in memory, nor show by how long it is compared: passwords, and ACCT's word.
// Knows octets only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace core {

/// Overwrites octets. The empty instruction may read them, as far as the compiler knows: it leaves nothing out.
inline void wipe(std::span<char> octets) {
  std::ranges::fill(octets, '\0');
  asm volatile("" : : "r"(octets.data()) : "memory");
}

/// The same for all memory of a string, which is empty then.
inline void wipe(std::string& text) {
  text.resize(text.capacity());
  wipe(std::span<char>(text));
  text.clear();
}

/// Whether they are equal, in a time that depends on their lengths alone.
inline bool same_secret(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  const volatile unsigned char known = difference;
  return known == 0;
}

/// A text that is wiped when it ends.
class Secret {
 public:
  Secret() = default;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(text_); }

  void assign(std::string_view text) {
    wipe(text_);
    text_.assign(text);
  }
  void clear() { wipe(text_); }
  std::string_view view() const { return text_; }
  const char* c_str() const { return text_.c_str(); }

 private:
  std::string text_;
};

}  // namespace core
