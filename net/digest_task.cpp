// Read a piece, have a thread digest it, read the next. Between two pieces the loop and the threads are everybody's, so
// that who hashes much holds up nobody.
#include "net/digest_task.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace net {

DigestTask::DigestTask(io::Reactor& reactor, Digests& digests, io::BufferPool& buffers)
    : reactor_(reactor), digests_(digests), buffers_(buffers), file_(reactor) {
  ++digests_.running;
  file_.bind<&DigestTask::on_opened>(*this);
  op_.bind<&DigestTask::on_op_done>(*this);
}

void DigestTask::start(std::shared_ptr<Root> root, const core::action::Digest& wanted, std::uint64_t most) {
  end_ = {.algorithm = wanted.algorithm, .range = wanted.range};
  inside_ = wanted.inside;
  most_ = most;
  asked_ns_ = reactor_.backend().wall_clock();
  file_.open_for_reading(std::move(root), wanted.path);
}

void DigestTask::cancel() {
  cancelled_ = true;
  reactor_.cancel(op_);
}

core::TransferProgress DigestTask::progress() const {
  const auto& [begin, end] = end_.range;
  return {.octets = std::max(offset_, begin) - begin, .total = end == core::OctetRange::no_end ? 0 : end - begin};
}

// What is there of the range that was asked for. HASH takes what there is; the older commands want all of it.
int DigestTask::fit_range(std::uint64_t size) {
  core::OctetRange& range = end_.range;
  const bool beyond = range.begin > size || (range.begin == size && size > 0 && !inside_);
  const bool cut = range.end > size && range.end != core::OctetRange::no_end;
  if (beyond || (inside_ && (cut || range.begin > range.end))) return ERANGE;
  range.end = std::min(range.end, size);
  return most_ > 0 && range.end - range.begin > most_ ? EFBIG : 0;
}

void DigestTask::on_opened() {
  if (cancelled_) return finish(ECANCELED);
  if (file_.error() != 0) return finish(file_.error());
  if (const int error = fit_range(file_.facts().stx_size)) return finish(error);
  offset_ = end_.range.begin;
  key_ = key_of(file_.facts(), end_.range, end_.algorithm);
  if (const std::string* hex = digests_.find(key_)) {
    end_.hex = *hex;
    return finish(0);
  }
  buffer_.emplace(buffers_);
  if (buffer_->data == nullptr) return finish(ENOBUFS);
  digest_.emplace(end_.algorithm);
  read_on();
}

void DigestTask::read_on() {
  if (offset_ == end_.range.end) return look_again();
  const auto room = buffer_->room();
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), end_.range.end - offset_));
  doing_ = Doing::reading;
  op_.read(file_.file(), room.first(count), static_cast<std::int64_t>(offset_));
  reactor_.submit(op_);
}

void DigestTask::digest() {
  doing_ = Doing::digesting;
  op_.call(&DigestTask::update, this);
  reactor_.submit(op_);
}

int DigestTask::update(void* task) {
  auto& self = *static_cast<DigestTask*>(task);
  self.digest_->update(self.buffer_->held());
  return 0;
}

void DigestTask::look_again() {
  doing_ = Doing::looking;
  op_.stat(file_.file(), "", AT_EMPTY_PATH, facts_);
  reactor_.submit(op_);
}

void DigestTask::on_op_done(io::Op& op) {
  if (cancelled_) return finish(ECANCELED);
  if (op.result < 0) return finish(-op.result);
  switch (doing_) {
    case Doing::nothing: return;
    case Doing::reading:
      if (op.result == 0) return finish(EAGAIN);  // it was cut meanwhile: another digest is wanted, later
      buffer_->fill(static_cast<std::size_t>(op.result));
      return digest();
    case Doing::digesting: offset_ += buffer_->held().size(); return read_on();
    case Doing::looking:
      end_.hex = digest_->finish();
      if (end_.hex.empty()) return finish(EOPNOTSUPP);
      // What changed while it was read is told as it was read, and not remembered.
      if (key_of(facts_, end_.range, end_.algorithm) == key_) digests_.keep(key_, asked_ns_, end_.hex);
      return finish(0);
  }
}

// The last of it all: whoever is told may destroy the task.
void DigestTask::finish(int error) {
  end_.error = error;
  buffer_.reset();
  file_.release();
  done_(owner_);
}

}  // namespace net
