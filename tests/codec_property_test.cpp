// What holds for every TYPE, STRU and MODE that go together, for arbitrary files and splits: what is sent comes
// back, also after an interruption at any restart marker; rubbish ends in an error and never in a loop.
// MILLRACE_SEED replays one seed.
#include <array>
#include <map>

#include "tests/codec_harness.hpp"

using core::Mode;
using core::Representation;
using core::Structure;
using core::Type;

namespace {

std::vector<Representation> all_representations() {
  std::vector<Representation> types{{.type = Type::ascii}, {.type = Type::ebcdic}, {.type = Type::image}};
  for (const unsigned bits : {1, 4, 7, 8, 9, 12, 16, 31, 36, 63, 64})
    types.push_back({.type = Type::local, .byte_size = bits});
  std::vector<Representation> all;
  for (Representation as : types)
    for (const Structure structure : {Structure::file, Structure::record, Structure::page})
      for (const Mode mode : {Mode::stream, Mode::block, Mode::compressed, Mode::deflate}) {
        as.structure = structure;
        as.mode = mode;
        if (core::goes_together(as)) all.push_back(as);
      }
  return all;
}

std::string name(const Representation& as) {
  return core::type_text(as) + ' ' + core::letter(as.structure) + ' ' + core::letter(as.mode);
}

/// Calls run(as, random) for every representation and seed.
template <typename Run>
void for_each_case(std::uint64_t seeds, Run run) {
  for (const Representation& as : all_representations())
    sim::for_each_seed(seeds, [&](std::uint64_t seed) {
      INFO(name(as) << ", MILLRACE_SEED=" << seed);
      sim::Random random(seed);
      run(as, random);
    });
}

// ---- Files ----

/// A file and where its holes are. Only a paged one has any.
struct Holey {
  std::string octets;
  std::map<std::size_t, std::size_t> data;  ///< begin and end of what is no hole
};

std::string random_octets(sim::Random& random, std::size_t size) {
  constexpr std::string_view likely("\r\r\n\n  a\0\0\xff\xff\x15\x25@", 14);
  std::string octets;
  while (octets.size() < size) {
    const char octet = random.chance(0.7) ? likely[random.below(likely.size())] : static_cast<char>(random.next());
    octets.append(random.chance(0.1) ? 1 + random.below(200) : 1, octet);
  }
  octets.resize(size);
  return octets;
}

/// Logical bytes in their containers. On the way back, what pads smaller bytes than eight bits could be taken for
/// another one: `count` is changed until it cannot.
std::string random_bytes(sim::Random& random, const Representation& as, std::size_t count) {
  while ((8 - count * as.byte_size % 8) % 8 >= as.byte_size) ++count;
  const unsigned container = core::octets_of_byte(as);
  std::string octets = random_octets(random, count * container);
  const unsigned over = container * 8 - as.byte_size;
  for (std::size_t at = 0; at < octets.size(); at += container)
    for (unsigned i = 0; i * 8 < over; ++i) {
      const unsigned cleared = std::min(8u, over - i * 8);
      octets[at + i] = static_cast<char>(static_cast<unsigned char>(octets[at + i]) & (0xffu >> cleared));
    }
  return octets;
}

Holey random_file(sim::Random& random, const Representation& as, std::size_t most) {
  const std::size_t container = core::octets_of_byte(as);
  Holey file;
  if (as.structure == Structure::page) most = core::page_octets(as) * 4;
  const std::size_t count = random.below(most / container + 1);
  file.octets = core::packs(as) || container > 1 ? random_bytes(random, as, count) : random_octets(random, count);
  if (as.structure != Structure::page) {
    file.data[0] = file.octets.size();
    return file;
  }
  const std::size_t page = core::page_octets(as);
  for (std::size_t at = 0; at < file.octets.size(); at += page) {
    const std::size_t end = std::min(at + page, file.octets.size());
    if (random.chance(0.4)) {
      std::fill(file.octets.begin() + static_cast<std::ptrdiff_t>(at),
                file.octets.begin() + static_cast<std::ptrdiff_t>(end), '\0');
    } else {
      file.data[at] = end;
    }
  }
  return file;
}

/// What comes back: in TYPE A each CR LF of the file as LF; a last line without LF is a record all the same, and gets
/// one.
std::string expected(const Representation& as, const std::string& file) {
  if (as.type == Type::ascii && as.structure == Structure::file) {
    std::string text;
    for (std::size_t at = 0; at < file.size(); ++at)
      if (file[at] != '\r' || at + 1 == file.size() || file[at + 1] != '\n') text += file[at];
    return text;
  }
  const bool completed = as.structure == Structure::record && !file.empty() && file.back() != '\n';
  return completed ? file + '\n' : file;
}

// ---- Splits ----

struct Splitting {
  std::size_t piece;  ///< 0: of random sizes
  std::size_t room;
};
constexpr std::array<Splitting, 6> splittings{
    {{1 << 20, 300000}, {1, 64}, {0, 64}, {0, 257}, {0, 20000}, {1 << 20, 64}}};

tests::Pieces split(sim::Random& random, std::string_view octets, std::size_t piece) {
  if (piece == 0) return tests::random_pieces(random, octets, 1 + random.below(300));
  tests::Pieces pieces;
  for (; !octets.empty(); octets.remove_prefix(std::min(piece, octets.size())))
    pieces.push_back(octets.substr(0, piece));
  return pieces;
}

// ---- A sender and a receiver ----

std::string sent(sim::Random& random, const Representation& as, const Holey& file, const core::Markers& markers,
                 const Splitting& how) {
  const auto encoder = core::make_encoder(as, markers);
  tests::CodecRun run(*encoder, how.room);
  std::size_t at = markers.begin;
  const std::size_t size = file.octets.size();
  const auto jump = [&](std::size_t to) {
    if (to > at) encoder->jump(at = to);
  };
  const auto give = [&](std::size_t end) {
    const bool with_end = end == size && random.chance(0.5);
    const tests::Pieces pieces = split(random, std::string_view(file.octets).substr(at, end - at), how.piece);
    for (std::size_t i = 0; i < pieces.size(); ++i)
      run.give(pieces[i], with_end && i + 1 == pieces.size() ? core::mark::end_of_file : core::mark::none);
    at = end;
  };
  for (const auto& [begin, end] : file.data)
    if (end > at) {
      jump(begin);
      give(end);
    }
  if (at < size) {  // the file ends with a hole
    jump(size - size % core::page_octets(as));
    give(size);
  }
  run.give({}, core::mark::end_of_file);
  CHECK(run.error == 0);
  CHECK(run.ended);
  return run.made;
}

tests::CodecRun received(sim::Random& random, core::Codec& decoder, std::string_view network, const Splitting& how,
                         std::string before = {}) {
  tests::CodecRun run(decoder, how.room);
  run.begin_with(std::move(before));
  run.give_all(split(random, network, how.piece), random.chance(0.5));
  return run;
}

void check_received(const tests::CodecRun& run, const std::string& file) {
  CHECK(run.error == 0);
  CHECK(run.ended);
  CHECK((run.made == file));  // not shown: it may be long and is rarely text
}

bool has_markers(const Representation& as) { return core::keeps_connection(as); }

// ---- A foreign sender: blocks cut anywhere, with markers between ----

struct Piece {
  core::Marks marks;
  std::string data;
};

/// The blocks that Millrace would send.
std::vector<Piece> own_blocks(sim::Random& random, Representation as, const Holey& file) {
  as.mode = Mode::block;
  const std::string network = sent(random, as, file, {}, splittings[0]);
  std::vector<Piece> blocks;
  for (std::size_t at = 0; at < network.size();) {
    const auto octet = [&](std::size_t i) {
      return static_cast<std::size_t>(static_cast<unsigned char>(network[at + i]));
    };
    const std::size_t size = octet(1) << 8 | octet(2);
    blocks.push_back({static_cast<core::Marks>(octet(0)), network.substr(at + 3, size)});
    at += 3 + size;
  }
  return blocks;
}

void append_piece(std::string& network, Mode mode, const Piece& piece) {
  const std::size_t size = piece.data.size();
  if (mode == Mode::block) {
    network += tests::octets(piece.marks, size >> 8, size);
  } else {
    if (piece.marks != core::mark::none) network += tests::octets(0, piece.marks);
    network += size == 0 ? tests::octets(0x80, 'x') : tests::octets(size);
  }
  network += piece.data;
}

std::string foreign(sim::Random& random, const Representation& as, const Holey& file) {
  std::string network;
  int count = 0;
  for (const Piece& block : own_blocks(random, as, file)) {
    const tests::Pieces cuts = tests::random_pieces(random, block.data, 1 + random.below(60));
    for (std::size_t i = 0; i <= cuts.size(); ++i) {
      if (random.chance(0.3)) append_piece(network, as.mode, {core::mark::restart, "m" + std::to_string(++count)});
      const bool last = i == cuts.size();
      append_piece(network, as.mode, {last ? block.marks : core::mark::none, last ? "" : std::string(cuts[i])});
    }
  }
  return network;
}

}  // namespace

TEST_CASE("a file comes back as it was, in every TYPE, STRU and MODE", "[codec][TY-12][MD-07]") {
  for_each_case(6, [](const Representation& as, sim::Random& random) {
    const Holey file = random_file(random, as, 600);
    const core::Markers markers{.interval = has_markers(as) && random.chance(0.5) ? 1 + random.below(200) : 0};
    for (const Splitting& sending : splittings) {
      const std::string network = sent(random, as, file, markers, sending);
      const auto decoder = core::make_decoder(as);
      check_received(received(random, *decoder, network, random.pick(splittings)), expected(as, file.octets));
    }
  });
}

TEST_CASE("a file comes back wherever the stream is cut in two", "[codec][TY-12]") {
  for_each_case(2, [](const Representation& as, sim::Random& random) {
    const Holey file =
        as.structure == Structure::page ? Holey{std::string(24, '\1'), {{0, 24}}} : random_file(random, as, 60);
    if (as.structure == Structure::page && core::packs(as)) return;  // not bytes of this size; the case above has them
    const std::string network = sent(random, as, file, {}, splittings[0]);
    tests::for_each_split(network, [&](const tests::Pieces& pieces) {
      const auto decoder = core::make_decoder(as);
      tests::CodecRun run(*decoder);
      run.give_all(pieces);
      check_received(run, expected(as, file.octets));
    });
  });
}

TEST_CASE("what was stored is sent as it came, where every stream can be stored", "[codec][TY-08][TY-12][ST-07]") {
  for_each_case(10, [](const Representation& as, sim::Random& random) {
    if (as.type == Type::ascii || as.structure == Structure::page) return;  // a bare LF comes back with CR; pages sort
    Representation plain = as;
    plain.mode = Mode::stream;
    std::string network = random_octets(random, random.below(300));
    if (core::packs(as)) {  // a whole number of logical bytes, then zero bits
      const std::size_t bits = random.below(40) * as.byte_size;
      network.resize(std::min(network.size(), (bits + 7) / 8));
      const std::size_t whole = network.size() * 8 / as.byte_size * as.byte_size;
      network.resize((whole + 7) / 8);
      if (whole % 8 != 0)
        network.back() = static_cast<char>(static_cast<unsigned char>(network.back()) & (0xff00u >> (whole % 8)));
    }
    if (as.structure == Structure::record) {
      std::string records;
      for (const char c : network)
        records += c == '\n' || c == '\x15' ? "\xff\1" : c == '\xff' ? "\xff\xff" : std::string(1, c);
      network = records + "\xff\3";
    }
    const auto decoder = core::make_decoder(plain);
    const tests::CodecRun run = received(random, *decoder, network, random.pick(splittings));
    REQUIRE(run.error == 0);
    const Holey file{run.made, {{0, run.made.size()}}};
    const auto encoder = core::make_encoder(plain);
    CHECK((tests::coded(*encoder, {file.octets}, 3000).made == network));
    if (as.mode == Mode::stream) return;
    const std::string wrapped = sent(random, as, file, {}, random.pick(splittings));
    const auto unwrapper = core::make_decoder(as);
    check_received(received(random, *unwrapper, wrapped, random.pick(splittings)), run.made);
  });
}

TEST_CASE("a transfer goes on at every restart marker", "[codec][RS-13][RS-14]") {
  std::size_t markers_seen = 0;
  for_each_case(4, [&](const Representation& as, sim::Random& random) {
    if (!has_markers(as)) return;
    const Holey file = random_file(random, as, 400);
    const std::uint64_t interval = 1 + random.below(150);
    const std::string network = sent(random, as, file, {.interval = interval}, random.pick(splittings));
    const auto decoder = core::make_decoder(as);
    const tests::CodecRun whole = received(random, *decoder, network, random.pick(splittings));
    check_received(whole, expected(as, file.octets));
    for (const tests::SeenMarker& marker : whole.markers) {
      CAPTURE(marker.text, marker.state, marker.position);
      const core::Markers from{.begin = std::stoull(marker.text), .interval = interval};
      CHECK(from.begin % core::resume_unit(as) == 0);
      const std::string rest = sent(random, as, file, from, random.pick(splittings));
      const auto resumed = core::make_decoder(as);
      REQUIRE(resumed->restore(marker.state));
      const std::string kept = whole.made.substr(0, static_cast<std::size_t>(marker.position));
      check_received(received(random, *resumed, rest, random.pick(splittings), kept), expected(as, file.octets));
      ++markers_seen;
    }
  });
  CHECK((markers_seen > 100 || sim::seed_is_given()));
}

TEST_CASE("a transfer goes on at markers that stand anywhere", "[codec][RS-14]") {
  std::size_t states_seen = 0;
  for_each_case(4, [&](const Representation& as, sim::Random& random) {
    if (!has_markers(as)) return;
    const Holey file = random_file(random, as, 300);
    const std::string network = foreign(random, as, file);
    const auto decoder = core::make_decoder(as);
    const tests::CodecRun whole = received(random, *decoder, network, random.pick(splittings));
    check_received(whole, expected(as, file.octets));
    for (int i = 0; i < 4 && !whole.markers.empty(); ++i) {
      const tests::SeenMarker& marker = random.pick(whole.markers);
      CAPTURE(marker.text, marker.state, marker.position);
      CHECK(std::ranges::all_of(marker.state, [](char c) { return c >= 33 && c <= 126; }));
      const auto resumed = core::make_decoder(as);
      REQUIRE(resumed->restore(marker.state));
      CHECK(resumed->state() == marker.state);
      const std::string kept = whole.made.substr(0, static_cast<std::size_t>(marker.position));
      const std::string_view rest = std::string_view(network).substr(marker.taken);
      check_received(received(random, *resumed, rest, random.pick(splittings), kept), expected(as, file.octets));
      states_seen += marker.state.empty() ? 0 : 1;
    }
  });
  CHECK((states_seen > 50 || sim::seed_is_given()));
}

TEST_CASE("rubbish ends in an error or a good end, and never in a loop", "[codec]") {
  constexpr int errors[] = {0, EBADMSG, EILSEQ, EPROTONOSUPPORT, ECONNRESET, EFBIG};
  for_each_case(40, [&](const Representation& as, sim::Random& random) {
    std::string network;
    if (random.chance(0.3)) {
      network = random_octets(random, random.below(400));
    } else {
      network = sent(random, as, random_file(random, as, 200), {.interval = has_markers(as) ? 50u : 0u}, splittings[0]);
      for (std::uint64_t i = random.below(4); i > 0 && !network.empty(); --i) {
        char& octet = network[random.below(network.size())];
        octet = static_cast<char>(random.chance(0.5) ? octet ^ (1 << random.below(8)) : random.next());
      }
      if (random.chance(0.2)) network.resize(random.below(network.size() + 1));
    }
    const auto decoder = core::make_decoder(as);
    const tests::CodecRun run = received(random, *decoder, network, random.pick(splittings));
    CAPTURE(run.error);
    CHECK(std::ranges::count(errors, run.error) == 1);
    CHECK(run.ended == (run.error == 0));
    CHECK(run.taken <= network.size());
  });
}

TEST_CASE("no text but a state is restored", "[codec][RS-14]") {
  for_each_case(50, [](const Representation& as, sim::Random& random) {
    constexpr std::string_view likely = "rehd0123456789..//";
    std::string state;
    for (std::uint64_t i = random.below(12); i > 0; --i) state += likely[random.below(likely.size())];
    CAPTURE(state);
    const auto decoder = core::make_decoder(as);
    if (!decoder->restore(state)) return;
    const tests::CodecRun run = received(random, *decoder, random_octets(random, 200), random.pick(splittings));
    CHECK(run.ended == (run.error == 0));
  });
}
