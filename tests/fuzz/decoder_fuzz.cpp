// Every decoder: the first octets choose TYPE, STRU, MODE and how the stream is split, the rest is the stream. It must
// come to an end, and a file that came whole must survive another journey.
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <string>

#include "core/codec/codec.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using fuzz::require;

struct Result {
  std::string file;
  int error = 0;
  bool ended = false;
};

/// `steps`: its halves are the sizes of pieces in turn; 0: whole.
Result run(core::Codec& codec, std::string_view octets, std::size_t room, std::uint8_t steps) {
  const auto out = std::make_unique<char[]>(room);
  Result result;
  for (std::size_t turn = 0; !result.ended && result.error == 0; ++turn) {
    const std::size_t piece = steps == 0 ? octets.size() : (turn % 2 == 0 ? steps >> 4 : steps & 15) + 1u;
    const auto in = octets.substr(0, piece);
    const bool last = in.size() == octets.size();
    const core::Progress done =
        codec.run(in, std::span(out.get(), room), last ? core::mark::end_of_file : core::mark::none);
    require(done.taken <= in.size() && done.made <= room && !done.idle());
    octets.remove_prefix(done.taken);
    if (result.file.size() < (1 << 20)) result.file.append(out.get(), done.made);
    result.error = done.error;
    result.ended = (done.marks & core::mark::end_of_file) != 0;
    if ((done.marks & core::mark::restart) != 0) {
      require(!codec.marker().empty());
      require(std::ranges::all_of(codec.state(), [](char c) { return c >= 33 && c <= 126; }));
    }
  }
  return result;
}

core::Representation chosen(std::uint8_t how, std::uint8_t bits) {
  constexpr std::array types{core::Type::ascii, core::Type::ebcdic, core::Type::image, core::Type::local};
  constexpr std::array structures{core::Structure::file, core::Structure::record, core::Structure::page};
  constexpr std::array modes{core::Mode::stream, core::Mode::block, core::Mode::compressed, core::Mode::deflate};
  core::Representation as{.type = types[how % 4], .structure = structures[how / 4 % 3], .mode = modes[how / 12 % 4]};
  if (as.type == core::Type::local) as.byte_size = 1 + bits % core::byte_size_max;
  return as;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input = fuzz::text(data, size);
  const std::uint8_t how = fuzz::take_octet(input), bits = fuzz::take_octet(input);
  const core::Representation as = chosen(how, bits);
  const std::size_t room = core::Codec::smallest_output + fuzz::take_octet(input);
  const std::uint8_t steps = fuzz::take_octet(input);
  if (!core::goes_together(as)) return 0;

  const Result first = run(*core::make_decoder(as), input, room, steps);
  constexpr std::array errors{0, EBADMSG, EILSEQ, EPROTONOSUPPORT, ECONNRESET, EFBIG};
  require(std::ranges::count(errors, first.error) == 1);
  if (!first.ended || as.structure == core::Structure::page || first.file.size() >= (1 << 20)) return 0;

  const Result sent = run(*core::make_encoder(as, {.interval = bits}), first.file, room, steps);
  require(sent.ended);
  if (sent.file.size() >= (1 << 20)) return 0;
  const Result second = run(*core::make_decoder(as), sent.file, room, steps);
  require(second.ended);
  std::string expected = first.file;
  if (as.structure == core::Structure::record && !expected.empty() && expected.back() != '\n') expected += '\n';
  if (as.type == core::Type::ascii && as.structure == core::Structure::file)  // CR LF is sent as it is
    for (std::size_t at = 0; (at = expected.find("\r\n", at)) != std::string::npos; ++at) expected.erase(at, 1);
  require(second.file == expected);
  return 0;
}
