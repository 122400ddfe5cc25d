// Read a piece, have a thread digest it, read the next. Between two pieces the loop and the threads are everybody's, so
// that who hashes much holds up nobody.
#include "net/digest_work.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace net {

DigestWork::DigestWork(Context& context, const core::Config::Limits& limits, std::shared_ptr<Root> root,
                       const core::WorkSpec& spec)
    : Work(context, limits, spec.path),
      octets_max_(static_cast<std::uint64_t>(limits.digest_max_bytes)),
      root_(std::move(root)),
      file_(reactor_),
      algorithm_(spec.algorithm),
      inside_(spec.inside) {
  range_ = spec.range;
  file_.bind<&DigestWork::on_opened>(*this);
  op_.bind<&DigestWork::on_op_done>(*this);
}

void DigestWork::begin() {
  asked_ns_ = reactor_.backend().wall_clock();
  file_.open_for_reading(std::move(root_), path());
}

// What is there of the range that was asked for. HASH takes what there is; the older commands want all of it.
int DigestWork::fit_range(std::uint64_t size) {
  const bool beyond = range_.begin > size || (range_.begin == size && size > 0 && !inside_);
  const bool cut = range_.end > size && range_.end != core::OctetRange::no_end;
  if (beyond || (inside_ && (cut || range_.begin > range_.end))) return ERANGE;
  range_.end = std::min(range_.end, size);
  return octets_max_ > 0 && range_.end - range_.begin > octets_max_ ? EFBIG : 0;
}

void DigestWork::on_opened() {
  if (cancelled()) return end(ECANCELED);
  if (file_.error() != 0) return end(file_.error());
  if (const int error = fit_range(file_.facts().stx_size)) return end(error);
  key_ = key_of(file_.facts(), range_, algorithm_);
  if (const std::string* hex = context_.digests.find(key_)) {
    text_ = *hex;
    return end(0);
  }
  if (!take_place()) return end(EUSERS);
  making_ = std::make_unique<Making>(LentBuffer(context_.flow_buffers), core::Digest(algorithm_));
  if (making_->buffer.data == nullptr) return end(ENOBUFS);
  offset_ = range_.begin;
  progress_.total = range_.end - range_.begin;
  read_on();
}

void DigestWork::read_on() {
  progress_.octets = offset_ - range_.begin;
  if (offset_ == range_.end) return look_again();
  const auto room = making_->buffer.room();
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), range_.end - offset_));
  doing_ = Doing::reading;
  op_.read(file_.file(), room.first(count), static_cast<std::int64_t>(offset_));
  reactor_.submit(op_);
}

void DigestWork::digest() {
  doing_ = Doing::digesting;
  op_.call(&DigestWork::update, this, io::Lane::pieces);
  reactor_.submit(op_);
}

int DigestWork::update(void* work) {
  auto& self = *static_cast<DigestWork*>(work);
  self.making_->digest.update(self.making_->buffer.held());
  return 0;
}

void DigestWork::look_again() {
  doing_ = Doing::looking;
  op_.stat(file_.file(), "", AT_EMPTY_PATH, facts_);
  reactor_.submit(op_);
}

void DigestWork::on_op_done(io::Op& op) {
  if (cancelled()) return end(ECANCELED);
  if (op.result < 0) return end(-op.result);
  switch (doing_) {
    case Doing::nothing: return;
    case Doing::reading:
      if (op.result == 0) return end(EAGAIN);  // it was cut meanwhile: another digest is wanted, later
      making_->buffer.fill(static_cast<std::size_t>(op.result));
      return digest();
    case Doing::digesting: offset_ += making_->buffer.held().size(); return read_on();
    case Doing::looking:
      text_ = making_->digest.finish();
      if (text_.empty()) return end(EOPNOTSUPP);
      // What changed while it was read is told as it was read, and not remembered.
      if (key_of(facts_, range_, algorithm_) == key_) context_.digests.keep(key_, asked_ns_, text_);
      return end(0);
  }
}

void DigestWork::end(int error) {
  making_.reset();
  file_.release();
  finish(error);
}

}  // namespace net
