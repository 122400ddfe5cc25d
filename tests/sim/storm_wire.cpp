// Whole files through codecs, and chance over representations.
#include "tests/sim/storm_wire.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>

#include "core/command.hpp"
#include "core/text.hpp"

namespace sim {

using core::Mode;
using core::Representation;
using core::Structure;
using core::Type;

// ---- Chance ----

Representation draw_representation(Random& random) {
  constexpr std::array modes{Mode::stream, Mode::stream, Mode::stream,     Mode::stream, Mode::block,
                             Mode::block,  Mode::block,  Mode::compressed, Mode::deflate};
  constexpr std::array structures{Structure::file, Structure::file, Structure::file, Structure::record,
                                  Structure::page};
  constexpr std::array types{Type::image, Type::image, Type::ascii, Type::ascii, Type::ebcdic, Type::local};
  constexpr std::array formats{core::Format::non_print, core::Format::telnet, core::Format::carriage_control};
  Representation as{.mode = random.pick(modes)};
  do {
    as.structure = random.pick(structures);
    as.type = random.pick(types);
    as.format = is_text(as) ? random.pick(formats) : core::Format::non_print;
    as.byte_size = 8;
    if (as.type == Type::local && random.chance(0.6)) as.byte_size = as.structure == Structure::page ? 32 : 36;
  } while (!goes_together(as));
  return as;
}

std::string without_cr_lf(std::string file) {
  for (std::size_t i = 0; i < file.size(); ++i)
    if (file[i] == '\r' && (i + 1 == file.size() || file[i + 1] == '\n'))
      file[i] = '\f';  // has no bit that CR has not: logical bytes stay what they are
  return file;
}

std::string draw_file(Random& random, const Representation& as) {
  const bool paged = as.structure == Structure::page;
  const std::uint64_t most = std::min<std::uint64_t>(300'000, paged ? paged_file_max(as) : UINT64_MAX);
  const std::uint64_t unit = octets_of_byte(as);
  std::string file((random.chance(0.2) ? random.below(most) : random.below(3000)) / unit * unit, '\0');
  for (std::size_t i = 0; i < file.size();) {
    const char octet = random.chance(0.1) ? '\n' : static_cast<char>(random.next());
    const std::size_t run = std::min<std::size_t>(file.size() - i, random.chance(0.05) ? random.below(200) : 1);
    std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(i), run, octet);
    i += run;
  }
  for (std::size_t i = 0; packs(as) && i < file.size(); i += unit)  // bits above the logical byte's are zero
    for (std::size_t octet = 0, zeros = unit * 8 - as.byte_size; zeros > 0; ++octet) {
      file[i + octet] =
          static_cast<char>(static_cast<unsigned char>(file[i + octet]) & (zeros < 8 ? 0xff >> zeros : 0));
      zeros -= std::min<std::size_t>(zeros, 8);
    }
  if (paged && random.chance(0.5) && !file.empty()) {
    const std::size_t hole = random.below(file.size());
    std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(hole), random.below(file.size() - hole) + 1, '\0');
  }
  return without_cr_lf(std::move(file));
}

// ---- Parameters ----

std::vector<std::string> parameter_commands(const Representation& from, const Representation& to) {
  std::vector<std::string> lines;
  if (type_text(from) != type_text(to)) lines.push_back("TYPE " + type_text(to));
  if (from.structure != to.structure) lines.push_back(fmt::format("STRU {}", letter(to.structure)));
  if (from.mode != to.mode) lines.push_back(fmt::format("MODE {}", letter(to.mode)));
  return lines;
}

void apply_parameter(Representation& as, std::string_view line) {
  const auto [verb, argument, has_argument] = core::split_line(line);
  if (verb == "STRU") as.structure = static_cast<Structure>(argument.front());
  if (verb == "MODE") as.mode = static_cast<Mode>(argument.front());
  if (verb != "TYPE") return;
  as.type = static_cast<Type>(argument.front());
  as.format = is_text(as) && argument.size() > 2 ? static_cast<core::Format>(argument[2]) : core::Format::non_print;
  as.byte_size = as.type == Type::local ? static_cast<unsigned>(*core::parse_number(argument.substr(2))) : 8;
}

Representation listing_representation(const Representation& as, std::string_view verb) {
  if (verb == "MLSD" || verb == "MLSR") return {.mode = as.mode == Mode::deflate ? as.mode : Mode::stream};
  return {.type = as.type == Type::ebcdic ? Type::ebcdic : Type::ascii,
          .structure = as.structure == Structure::record ? Structure::record : Structure::file,
          .mode = as.mode};
}

// ---- Whole files ----

namespace {

/// Behind the pages from `at` on that are zeros and whole: where the next begins that has to be sent.
std::uint64_t behind_hole(std::string_view file, std::uint64_t at, std::uint64_t page) {
  while (at + page <= file.size() && file.substr(at, page).find_first_not_of('\0') == std::string_view::npos)
    at += page;
  return at;
}

}  // namespace

Wire encode(const Representation& as, std::string_view file, const core::Markers& markers) {
  const auto codec = core::make_encoder(as, markers);
  const bool paged = as.structure == Structure::page;
  const std::uint64_t page = paged ? page_octets(as) : 0;
  Wire wire;
  std::string room(64 * 1024, '\0');
  std::uint64_t at = markers.begin;
  core::Progress done;
  while ((done.marks & core::mark::end_of_file) == 0 && wire.error == 0) {
    if (paged && at % page == 0) {
      const std::uint64_t next = behind_hole(file, at, page);
      if (next > at) codec->jump(next);
      at = next;
    }
    const auto in = paged ? file.substr(at, page - at % page) : file.substr(at);
    const bool last = at + in.size() == file.size();
    done = codec->run(in, room, last ? core::mark::end_of_file : core::mark::none);
    assert(!done.idle());
    at += done.taken;
    wire.octets.append(room, 0, done.made);
    wire.error = done.error;
  }
  return wire;
}

std::size_t FileReader::take(std::string_view octets, bool closed) {
  std::array<char, 16 * 1024> room;
  std::size_t taken = 0;
  while (!ended_ && error_ == 0) {
    const core::Progress done =
        decoder_->run(octets.substr(taken), room, closed ? core::mark::end_of_file : core::mark::none);
    taken += done.taken;
    file_.append(room.data(), done.made);
    error_ = done.error;
    if (done.at >= 0) on_place(static_cast<std::uint64_t>(done.at));
    if ((done.marks & core::mark::restart) != 0) {
      const std::uint64_t held = decoder_->state() == "r" ? 1 : 0;  // TYPE A: a CR that waits for what follows
      markers_.push_back({std::string(decoder_->marker()), begin_ + file_.size() + held});
    }
    ended_ = (done.marks & core::mark::end_of_file) != 0;
    if (done.idle()) break;
  }
  return taken;
}

// What lies between is a hole. Files are sent from their begin to their end.
void FileReader::on_place(std::uint64_t at) {
  if (at < begin_ + file_.size()) {
    error_ = EINVAL;
  } else {
    file_.resize(at - begin_);
  }
}

FileReader decode(const Representation& as, std::string_view octets, std::uint64_t begin) {
  FileReader reader(as, begin);
  reader.take(octets, true);
  return reader;
}

}  // namespace sim
