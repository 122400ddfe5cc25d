// One call of zlib a run. zlib's own memory (256 KiB to compress, 40 KiB to inflate) is asked for by the first run, so
// that it costs nobody the loop's time who runs codecs elsewhere.
#include "core/codec/deflate.hpp"

#include <algorithm>
#include <cerrno>

namespace core {
namespace {

// What zlib counts with has 32 bits.
constexpr std::size_t most_at_once = 1u << 30;

/// Points the stream at what it may take and fill. zlib's interface is older than const.
void aim(z_stream& stream, std::span<const char> in, std::span<char> out) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
}

}  // namespace

// ---- Sending ----

DeflateEncoder::~DeflateEncoder() {
  if (begun_) deflateEnd(&stream_);
}

Progress DeflateEncoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  if (!begun_ && deflateInit(&stream_, level_) != Z_OK) return {.error = ENOMEM};
  begun_ = true;
  const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, in.size()));
  skip_ -= skipped;
  const auto left = in.subspan(skipped);
  const auto given = left.first(std::min(left.size(), most_at_once));
  const bool ends = given.size() == left.size() && (behind & mark::end_of_file) != 0;
  out = out.first(std::min(out.size(), most_at_once));
  aim(stream_, given, out);
  const int result = deflate(&stream_, ends ? Z_FINISH : Z_NO_FLUSH);
  return {.taken = skipped + given.size() - stream_.avail_in,
          .made = out.size() - stream_.avail_out,
          .marks = result == Z_STREAM_END ? mark::end_of_file : mark::none};
}

// ---- Receiving ----

InflateDecoder::~InflateDecoder() {
  if (begun_) inflateEnd(&stream_);
}

Progress InflateDecoder::run(std::span<const char> in, std::span<char> out, Marks behind) {
  if (ended_) return {.marks = mark::end_of_file};
  if (!begun_ && inflateInit(&stream_) != Z_OK) return {.error = ENOMEM};
  begun_ = true;
  const auto given = in.first(std::min(in.size(), most_at_once));
  out = out.first(std::min(out.size(), most_at_once));
  aim(stream_, given, out);
  const int result = inflate(&stream_, Z_NO_FLUSH);
  Progress done{.taken = given.size() - stream_.avail_in, .made = out.size() - stream_.avail_out};
  if (result == Z_STREAM_END) {
    ended_ = true;
    done.marks = mark::end_of_file;
  } else if (result == Z_MEM_ERROR) {
    done.error = ENOMEM;
  } else if (result != Z_OK && result != Z_BUF_ERROR) {
    done.error = EBADMSG;  // a dictionary that nobody agreed on (Z_NEED_DICT) too
  } else if (done.idle() && in.empty() && (behind & mark::end_of_file) != 0) {
    done.error = ECONNRESET;
  }
  return done;
}

}  // namespace core
