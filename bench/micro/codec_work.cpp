// Work on files on their way: one file through each kind of codec and back, as a flow does it.
// Knows representations; must not know how they are done, nor sockets.
#include <memory>
#include <span>

#include "bench/micro/work.hpp"
#include "core/codec/codec.hpp"

namespace micro {
namespace {

constexpr std::size_t kib = 1024, file_kib = 64;
// What a codec makes of the file fits in: the largest is TYPE A, were every octet a LF.
constexpr std::size_t room_size = 2 * file_kib * kib + core::Codec::smallest_output;

// Lines as people write tables: of 6 to 80 octets, with runs of blanks and of letters for MODE C.
std::string text_file() {
  std::string text;
  for (std::size_t i = 0; text.size() < file_kib * kib; ++i) {
    text += "row " + std::to_string(i * 7919 % 10007);
    text += std::string(i * 5 % 24, ' ') + "some words" + std::string(i * 3 % 41, 'x') + "\n";
  }
  text.resize(file_kib * kib);
  return text;
}

// Logical bytes of 36 bits, each in eight octets, high octet first.
std::string word_file() {
  std::string words;
  for (std::uint64_t i = 0; words.size() < file_kib * kib; ++i) {
    const std::uint64_t word = i * 2'654'435'761u % (std::uint64_t{1} << 36);
    for (int shift = 56; shift >= 0; shift -= 8) words += static_cast<char>(word >> shift & 0xff);
  }
  return words;
}

// All of `from`, to its end; returns how much of `room` was filled.
std::size_t pass(core::Codec& codec, std::string_view from, std::span<char> room) {
  std::span<const char> in(from);
  for (std::size_t made = 0;;) {
    const core::Progress done = codec.run(in, room.subspan(made), core::mark::end_of_file);
    must(done.error == 0 && !done.idle(), "a codec's step");
    in = in.subspan(done.taken);
    made += done.made;
    if ((done.marks & core::mark::end_of_file) != 0) return made;
  }
}

// Both ways of one representation: the second takes what the first made.
void add(std::vector<Work>& works, const std::string& name, const core::Representation& as, const std::string& file) {
  const auto room = std::make_shared<std::vector<char>>(room_size);
  const std::string network(room->data(), pass(*core::make_encoder(as), file, *room));
  must(pass(*core::make_decoder(as), network, *room) == file.size(), name);
  must(file == std::string_view(room->data(), file.size()), name);
  works.push_back({name + "_encode", "KiB", file_kib,
                   [=] { must(pass(*core::make_encoder(as), file, *room) == network.size(), "an encoding"); }});
  works.push_back({name + "_decode", "KiB", file_kib,
                   [=] { must(pass(*core::make_decoder(as), network, *room) == file.size(), "a decoding"); }});
}

}  // namespace

void add_codec_work(std::vector<Work>& works) {
  const std::string text = text_file();
  add(works, "ascii", {}, text);
  add(works, "ebcdic", {.type = core::Type::ebcdic}, text);
  add(works, "local36", {.type = core::Type::local, .byte_size = 36}, word_file());
  add(works, "block", {.type = core::Type::image, .mode = core::Mode::block}, text);
  add(works, "compressed", {.type = core::Type::image, .mode = core::Mode::compressed}, text);
}

}  // namespace micro
