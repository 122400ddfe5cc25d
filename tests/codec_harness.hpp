// Drives a codec as a flow does: pieces of input and marks in, octets, marks and places in the file out. Every
// call gets heap blocks of the exact size, and what codec.hpp promises of a call is checked.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/codec.hpp"
#include "tests/catch.hpp"
#include "tests/splits.hpp"

namespace tests {

/// A restart marker as the receiver saw it, and what it would tell the sender.
struct SeenMarker {
  std::string text, state;
  std::size_t taken = 0;      ///< octets of the stream up to behind it
  std::int64_t position = 0;  ///< of the file
};

class CodecRun {
 public:
  explicit CodecRun(core::Codec& codec, std::size_t room = core::Codec::smallest_output) : codec_(codec), room_(room) {}
  /// Goes on behind this much of a file.
  void begin_with(std::string file) {
    made = std::move(file);
    position = static_cast<std::int64_t>(made.size());
  }

  /// Gives octets until the codec has taken them and passed on what is behind, or has come to its end.
  void give(std::string_view octets, core::Marks behind = core::mark::none) {
    const Exact exact(octets);
    auto in = exact.span();
    bool passed_on = behind == core::mark::none;
    while (!ended && error == 0) {
      const core::Progress done = step(in, passed_on ? core::mark::none : behind);
      if (done.idle() && in.empty() && passed_on) return;
      if (done.idle()) FAIL("no progress");
      in = in.subspan(done.taken);
      if ((done.marks & ~core::mark::restart) != 0) passed_on = true;
    }
  }
  void give_all(const Pieces& pieces, bool end_with_last_piece = true) {
    for (std::size_t i = 0; i < pieces.size(); ++i)
      give(pieces[i], end_with_last_piece && i + 1 == pieces.size() ? core::mark::end_of_file : core::mark::none);
    give({}, core::mark::end_of_file);
  }

  std::string made;
  std::int64_t position = 0;  ///< where in `made` the next octet goes
  std::size_t taken = 0;
  int error = 0;
  bool ended = false;  ///< passed on the end of file
  std::vector<SeenMarker> markers;
  std::size_t runs = 0;

  /// A place in the file that is farther away is not gone to.
  static constexpr std::int64_t file_max = 1 << 22;

 private:
  core::Progress step(std::span<const char> in, core::Marks behind) {
    const auto out = std::make_unique<char[]>(room_);
    const core::Progress done = codec_.run(in, {out.get(), room_}, behind);
    ++runs;
    if (done.taken > in.size() || done.made > room_) FAIL("took or made too much");
    taken += done.taken;
    error = done.error;
    if (done.at >= 0) place(done.at);
    const auto at = static_cast<std::size_t>(position);
    if (made.size() < at + done.made) made.resize(at + done.made);
    std::copy_n(out.get(), done.made, made.data() + at);
    position += static_cast<std::int64_t>(done.made);
    if ((done.marks & core::mark::restart) != 0)
      markers.push_back({std::string(codec_.marker()), codec_.state(), taken, position});
    ended = (done.marks & core::mark::end_of_file) != 0;
    return done;
  }
  void place(std::int64_t at) {
    position = std::min(at, file_max);
    if (made.size() < static_cast<std::size_t>(position)) made.resize(static_cast<std::size_t>(position));
  }

  core::Codec& codec_;
  std::size_t room_;
};

/// What a codec makes of octets given whole, to its end.
struct Coded {
  std::string made;
  int error = 0;
  bool ended = false;
  std::size_t taken = 0;
};
inline Coded coded(core::Codec& codec, const Pieces& pieces, std::size_t room) {
  CodecRun run(codec, room);
  run.give_all(pieces);
  return {run.made, run.error, run.ended, run.taken};
}

constexpr std::size_t rooms[] = {core::Codec::smallest_output, core::Codec::smallest_output + 1, 1000, 200000};

/// Each split of `from` becomes `to`, with a good end, in rooms small and large.
template <typename Make>
void check_coding(Make make, std::string_view from, std::string_view to) {
  for_each_split(from, [&](const Pieces& pieces) {
    for (const std::size_t room : rooms) {
      const auto codec = make();
      const Coded got = coded(*codec, pieces, room);
      CHECK(got.error == 0);
      CHECK(got.ended);
      CHECK(got.made == to);
    }
  });
}
/// Each split of `from` ends with that error.
template <typename Make>
void check_error(Make make, std::string_view from, int error) {
  for_each_split(from, [&](const Pieces& pieces) {
    const auto codec = make();
    const Coded got = coded(*codec, pieces, core::Codec::smallest_output);
    CHECK(got.error == error);
    CHECK(!got.ended);
  });
}
inline void check_decodes(const core::Representation& as, std::string_view network, std::string_view file) {
  check_coding([&] { return core::make_decoder(as); }, network, file);
}
inline void check_refuses(const core::Representation& as, std::string_view network, int error) {
  check_error([&] { return core::make_decoder(as); }, network, error);
}
/// Sent whole into enough room, `file` becomes `network`; however that is split, it comes back.
inline void check_both_ways(const core::Representation& as, std::string_view file, std::string_view network) {
  const auto encoder = core::make_encoder(as);
  const Coded got = coded(*encoder, {file}, 200000);
  CHECK(got.error == 0);
  CHECK(got.ended);
  CHECK(got.made == network);
  check_decodes(as, network, file);
}

/// Octets written as numbers.
template <typename... Octets>
std::string octets(Octets... each) {
  return {static_cast<char>(each)...};
}
inline std::string repeated(std::string_view text, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += text;
  return all;
}

}  // namespace tests
