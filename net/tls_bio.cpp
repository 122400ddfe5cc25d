// The BIO_METHOD, and the gathering behind it.
#include "net/tls_bio.hpp"

#include <openssl/bio.h>

#include <cassert>
#include <cerrno>

namespace net {
namespace {

TlsBio& of(BIO* bio) { return *static_cast<TlsBio*>(BIO_get_data(bio)); }

int on_write(BIO* bio, const char* data, std::size_t size, std::size_t* written) {
  BIO_clear_retry_flags(bio);
  const std::int32_t result = of(bio).write({data, size});
  if (result == -EAGAIN) BIO_set_retry_write(bio);
  *written = result > 0 ? static_cast<std::size_t>(result) : 0;
  return result > 0 ? 1 : result == -EAGAIN ? -1 : 0;
}

int on_read(BIO* bio, char* data, std::size_t size, std::size_t* count) {
  BIO_clear_retry_flags(bio);
  const std::int32_t result = of(bio).read({data, size});
  if (result == -EAGAIN) BIO_set_retry_read(bio);
  if (result == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  *count = result > 0 ? static_cast<std::size_t>(result) : 0;
  return result > 0 ? 1 : result == -EAGAIN ? -1 : 0;
}

// EOF tells OpenSSL that the stream was cut, which is an error of its own.
long on_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default: return 0;
  }
}

const BIO_METHOD* method() {
  static BIO_METHOD* const made = [] {
    BIO_METHOD* const fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "millrace socket");
    BIO_meth_set_write_ex(fresh, &on_write);
    BIO_meth_set_read_ex(fresh, &on_read);
    BIO_meth_set_ctrl(fresh, &on_control);
    return fresh;
  }();
  return made;
}

}  // namespace

bio_st* TlsBio::make() {
  BIO* const bio = BIO_new(method());
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  return bio;
}

void TlsBio::gather(std::size_t octets) {
  assert(gathered_.empty());  // an op that leaves something here breaks its stream
  gathered_.reserve(octets);
  gathering_ = true;
}

std::int32_t TlsBio::flush() {
  gathering_ = false;
  while (begin_ < gathered_.size()) {
    const std::int32_t sent = backend_.send_now(socket_, std::span<const char>(gathered_).subspan(begin_));
    if (sent < 0 && sent != -EAGAIN) error_ = -sent;
    if (sent < 0) return sent;
    begin_ += static_cast<std::size_t>(sent);
  }
  std::vector<char>().swap(gathered_);
  begin_ = 0;
  return 0;
}

// Whole while gathering, with all that OpenSSL has to say besides: what it has begun to write it would have to write
// again. What reading makes it write (an alert) goes behind what still waits.
std::int32_t TlsBio::write(std::span<const char> from) {
  if (gathering_) {
    gathered_.insert(gathered_.end(), from.begin(), from.end());
    return static_cast<std::int32_t>(from.size());
  }
  if (const std::int32_t result = flush(); result < 0) return result;
  const std::int32_t sent = backend_.send_now(socket_, from);
  if (sent < 0 && sent != -EAGAIN) error_ = -sent;
  return sent;
}

std::int32_t TlsBio::read(std::span<char> into) {
  const std::int32_t came = backend_.receive_now(socket_, into);
  if (came < 0 && came != -EAGAIN) error_ = -came;
  return came;
}

}  // namespace net
