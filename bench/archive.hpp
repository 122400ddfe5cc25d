// Values as octets and back, between processes of one and the same program: nothing is converted, nothing checked.
// A structure names its members once, in pass(), for both directions. Knows layouts; must not know what they mean.
#pragma once

#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace bench {

template <typename Value>
concept Plain = std::is_trivially_copyable_v<Value>;

class Packer {
 public:
  template <typename... Values>
  void operator()(const Values&... values) {
    (add(values), ...);
  }
  const std::string& octets() const { return octets_; }

 private:
  template <Plain Value>
  void add(const Value& value) {
    octets_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void add(const std::string& text) {
    add(text.size());
    octets_ += text;
  }
  template <typename Value>
  void add(const std::vector<Value>& values) {
    add(values.size());
    for (const Value& value : values) add(value);
  }
  template <typename Key, typename Value, typename Less>
  void add(const std::map<Key, Value, Less>& values) {
    add(values.size());
    for (const auto& [key, value] : values) (*this)(key, value);
  }
  template <typename Value>
  void add(const Value& value) {
    Value::pass(value, *this);
  }

  std::string octets_;
};

class Unpacker {
 public:
  /// What a Packer made of values of the same types in the same order.
  explicit Unpacker(std::string_view octets) : rest_(octets) {}

  template <typename... Values>
  void operator()(Values&... values) {
    (take(values), ...);
  }

 private:
  template <Plain Value>
  void take(Value& value) {
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
  }
  void take(std::string& text) {
    const std::size_t size = take_size();
    text = rest_.substr(0, size);
    rest_.remove_prefix(size);
  }
  template <typename Value>
  void take(std::vector<Value>& values) {
    values.resize(take_size());
    for (Value& value : values) take(value);
  }
  template <typename Key, typename Value, typename Less>
  void take(std::map<Key, Value, Less>& values) {
    values.clear();
    for (std::size_t left = take_size(); left > 0; --left) {
      Key key;
      take(key);
      take(values[std::move(key)]);
    }
  }
  template <typename Value>
  void take(Value& value) {
    Value::pass(value, *this);
  }
  std::size_t take_size() {
    std::size_t size = 0;
    take(size);
    return size;
  }

  std::string_view rest_;
};

}  // namespace bench
