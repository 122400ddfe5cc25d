// What every stage on the data path looks like: octets and marks in, octets and marks out, state between.
// TYPE and STRU are one stage (a shape), MODE is another around it; both directions look the same.
// RFC 959 3.1, 3.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/representation.hpp"

namespace core {

/// What stands right behind a run of octets. The bits are the descriptor codes of RFC 959 3.4.2.
using Marks = std::uint8_t;
namespace mark {
inline constexpr Marks none = 0, restart = 16, suspect = 32, end_of_file = 64, end_of_record = 128;
}

struct Progress {
  std::size_t taken = 0;     ///< octets of the input used up
  std::size_t made = 0;      ///< octets of the output filled
  Marks marks = mark::none;  ///< what stands right behind the octets made
  int error = 0;             ///< errno value: the input means nothing in this TYPE, STRU or MODE; nothing follows
  std::int64_t at = -1;      ///< not negative: where in the file the octets made begin (STRU P received)
  bool operator==(const Progress&) const = default;

  bool idle() const { return *this == Progress{}; }
  /// The caller must see this before anything else is made.
  bool must_return() const { return marks != mark::none || error != 0 || at >= 0; }
  /// `part` came right behind.
  void add(const Progress& part) {
    taken += part.taken;
    made += part.made;
    marks = part.marks;
    error = part.error;
    at = part.at;
  }
};

/// A streaming transformation. It must work for any split of the input and any output of at least
/// smallest_output octets, and must take, make or pass on something whenever there is input or a mark, and room.
/// What did not fit waits inside, an end of file too: all is out only when a run with no input and no mark is idle.
class Codec {
 public:
  static constexpr std::size_t smallest_output = 64;
  /// What is enough for a shape: a mode puts octets of its own around what the shape makes.
  static constexpr std::size_t smallest_shape_output = 16;

  virtual ~Codec() = default;

  /// Transforms what it can. `behind`: what stands right behind `in`. It is passed on in the result's
  /// marks once all of `in` is taken and all that was held is made; until then the caller gives it again
  /// with what is left of `in`. Behind mark::end_of_file passed on, nothing follows.
  ///
  /// A file that is sent has only an end; the codec makes records' ends and restart markers of it.
  /// What is received has all marks in its octets: `behind` is mark::end_of_file when the connection was closed,
  /// and a codec whose end of file has to be marked passes on its own only.
  virtual Progress run(std::span<const char> in, std::span<char> out, Marks behind) = 0;

  /// The text of the restart marker just passed on (receiving).
  virtual std::string_view marker() const { return {}; }
  /// What was taken and is not made yet, in printable characters without space, so that the transfer can be
  /// taken up here; empty: nothing. RFC 1123 4.1.3.4.
  virtual std::string state() const { return {}; }
  /// Takes up where state() was; false when the text is no such state. Before the first run().
  virtual bool restore(std::string_view state) { return state.empty(); }
  /// Sending: the next octet of the input stands at this offset of the file, behind a hole. Only where
  /// all that was given before is taken.
  virtual void jump(std::uint64_t /*offset*/) {}
  /// True when runs take so long that they belong on a thread: compression does.
  virtual bool is_slow() const { return false; }
};

/// Restart markers that a sender puts between its blocks: where in the file the transfer begins, and
/// how many octets of the file lie between two markers (0: none). A marker's text is an offset in the file.
struct Markers {
  std::uint64_t begin = 0;
  std::uint64_t interval = 0;
  std::uint64_t skip = 0;  ///< MODE Z: octets of what the shape makes that are not compressed and sent
};

/// File -> data connection, and back. `as` must go together.
std::unique_ptr<Codec> make_encoder(const Representation& as, const Markers& markers = {});
/// A listing, whose lines end with CR LF already, -> data connection. Text types and STRU F and R only.
std::unique_ptr<Codec> make_listing_encoder(const Representation& as);
std::unique_ptr<Codec> make_decoder(const Representation& as);

}  // namespace core
