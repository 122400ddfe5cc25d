// MODE Z received: the first octets choose TYPE, STRU and pieces, the rest is the zlib stream. It comes to an end,
// makes no more than zlib can, and leaves alone what stands behind its end.
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "core/codec/codec.hpp"
#include "tests/fuzz/fuzz.hpp"

using fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input = fuzz::text(data, size);
  constexpr std::array types{core::Type::image, core::Type::ascii, core::Type::ebcdic, core::Type::local};
  constexpr std::array structures{core::Structure::file, core::Structure::record, core::Structure::page};
  const std::uint8_t how = fuzz::take_octet(input);
  core::Representation as{.type = types[how % 4], .structure = structures[how / 4 % 3], .mode = core::Mode::deflate};
  if (as.type == core::Type::local) as.byte_size = 32;
  if (!core::goes_together(as)) return 0;
  const std::size_t piece = 1u + fuzz::take_octet(input);
  const auto decoder = core::make_decoder(as);
  std::array<char, 1024> out;
  std::size_t taken = 0, made = 0;
  core::Progress done;
  while (done.error == 0 && (done.marks & core::mark::end_of_file) == 0) {
    const auto in = input.substr(taken, piece);
    const bool last = taken + in.size() == input.size();
    const auto exact = std::make_unique<char[]>(in.size());
    std::ranges::copy(in, exact.get());
    done = decoder->run({exact.get(), in.size()}, out, last ? core::mark::end_of_file : core::mark::none);
    require(!done.idle() && done.taken <= in.size() && done.made <= out.size());
    taken += done.taken;
    made += done.made;
  }
  constexpr std::array errors{0, EBADMSG, EILSEQ, EPROTONOSUPPORT, ECONNRESET, EFBIG};
  require(std::ranges::count(errors, done.error) == 1);
  // What octets of text and records become is no more than what came out of the stream, but for a last line's end.
  if (as.structure != core::Structure::page) require(made <= 1040 * taken + 8192);
  return 0;
}
