// Opening, making and sharing roots.
#include "net/root.hpp"

#include <fcntl.h>

#include <cerrno>
#include <utility>

namespace net {

Root::~Root() {
  if (const auto found = roots_.all_.find(identity_); found != roots_.all_.end() && found->second.expired())
    roots_.all_.erase(found);
  reactor_.close(directory_, true);
}

std::shared_ptr<Root> Roots::share(io::Reactor& reactor, int directory, const struct statx& facts) {
  const std::uint64_t device = (static_cast<std::uint64_t>(facts.stx_dev_major) << 32) | facts.stx_dev_minor;
  const Root::Identity identity{device, facts.stx_ino, facts.stx_mnt_id};
  std::weak_ptr<Root>& known = all_[identity];
  if (auto root = known.lock()) {
    reactor.close(directory, true);
    return root;
  }
  auto root = std::make_shared<Root>(*this, reactor, directory, identity);
  known = root;
  return root;
}

RootOpening::RootOpening(io::Reactor& reactor, Roots& roots) : reactor_(reactor), roots_(roots) {
  op_.bind<&RootOpening::on_op_done>(*this);
}

void RootOpening::start(const std::string& path, std::optional<unsigned> make_with_mode) {
  path_ = path;
  inside_ = path + "/.";  // asks for the right to search it
  mode_ = make_with_mode;
  open();
}

void RootOpening::open() {
  op_.open(AT_FDCWD, inside_.c_str(), {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .mode = 0, .resolve = 0});
  reactor_.submit(op_);
}

void RootOpening::on_op_done(io::Op& op) {
  switch (op.kind) {
    case io::OpKind::open: return on_opened(op.result);
    case io::OpKind::make_dir:
      made_ = op.result == 0;
      return made_ || op.result == -EEXIST ? open() : finish(-op.result);
    default: return finish(-op.result);
  }
}

void RootOpening::on_opened(std::int32_t result) {
  if (result == -ENOENT && mode_) {
    const unsigned mode = *mode_;
    mode_.reset();  // once
    op_.make_dir(AT_FDCWD, path_.c_str(), mode);
    return reactor_.submit(op_);
  }
  if (result < 0) return finish(-result);
  directory_ = result;
  op_.stat(directory_, "", AT_EMPTY_PATH, facts_);
  reactor_.submit(op_);
}

void RootOpening::finish(int error) {
  error_ = error;
  const int directory = std::exchange(directory_, -1);
  if (error == 0) {
    root_ = roots_.share(reactor_, directory, facts_);
  } else {
    reactor_.close(directory, true);
  }
  done_(owner_);
}

}  // namespace net
