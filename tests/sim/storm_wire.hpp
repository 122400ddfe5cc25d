// Files as they travel, seen from the far side: representations drawn at random, whole files to octets of a data
// connection, and back as the octets come. Knows the codecs; must not know commands or connections.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/codec/codec.hpp"
#include "tests/sim/random.hpp"

namespace sim {

/// TYPE, STRU and MODE that go together. MODE S, STRU F and TYPE I are what most clients use, and come most often.
core::Representation draw_representation(Random& random);
/// A file that has a form in that representation: lines, runs of one octet, logical bytes, or pages and holes.
std::string draw_file(Random& random, const core::Representation& as);
/// Without a CR before an LF. In TYPE A such a line end becomes LF on the way, and then a marker's offset in the file
/// that is sent is not the one in the file that is received; codec_property_test.cpp has such files.
std::string without_cr_lf(std::string file);
/// The commands that lead from one representation to another.
std::vector<std::string> parameter_commands(const core::Representation& from, const core::Representation& to);
/// What TYPE, STRU or MODE with a good answer makes of a representation; other lines change nothing.
void apply_parameter(core::Representation& as, std::string_view line);
/// True when octets tell where the file ends: it need not be guessed from the connection's end.
constexpr bool marks_end(const core::Representation& as) {
  return core::keeps_connection(as) || as.mode == core::Mode::deflate;
}
/// How listings travel: as text, MLSD always by default (RFC 1123 4.1.2.7, RFC 3659 7.2), but for MODE Z.
core::Representation listing_representation(const core::Representation& as, std::string_view verb);

/// What a file becomes on the way.
struct Wire {
  std::string octets;
  int error = 0;  ///< errno value: the file has no form; the octets are what comes before that shows
};
/// From markers.begin on. STRU P: pages of zeros are left out as holes.
Wire encode(const core::Representation& as, std::string_view file, const core::Markers& markers = {});

/// One file as its octets come in.
class FileReader {
 public:
  struct Marker {
    std::string text;
    std::uint64_t offset = 0;  ///< octets of the file before it, those the codec holds too
  };

  /// `begin`: where in the file the first octet belongs.
  explicit FileReader(const core::Representation& as, std::uint64_t begin = 0)
      : decoder_(core::make_decoder(as)), begin_(begin) {}
  /// How many octets belong to this file. `closed`: the connection was closed behind them.
  std::size_t take(std::string_view octets, bool closed);
  /// From `begin` on.
  const std::string& file() const { return file_; }
  const std::vector<Marker>& markers() const { return markers_; }
  bool ended() const { return ended_; }
  int error() const { return error_; }

 private:
  void on_place(std::uint64_t at);

  std::unique_ptr<core::Codec> decoder_;
  std::uint64_t begin_;
  std::string file_;
  std::vector<Marker> markers_;
  bool ended_ = false;
  int error_ = 0;
};

/// All of a file at once, whatever its end is.
FileReader decode(const core::Representation& as, std::string_view octets, std::uint64_t begin = 0);

}  // namespace sim
