// A directory as text: batches of entries in, whole lines out, with memory for one batch.
// Knows how to fetch entries; the lines themselves are core/listing's.
#pragma once

#include <memory>
#include <string>

#include "core/action.hpp"
#include "io/dir_batch.hpp"
#include "net/flow.hpp"
#include "net/storage.hpp"

namespace net {

class ListingSource final : public Source {
 public:
  /// Lists what `opened` holds: an open directory, or a single object (file() < 0 or not a directory).
  /// `opened` must outlive the source. `wall_clock_ns` decides which dates show the year.
  ListingSource(io::Reactor& reactor, std::shared_ptr<Root> root, const FileTask& opened,
                const core::TransferSpec& spec, core::Rights rights, std::int64_t wall_clock_ns);

  /// Fills with whole lines wherever they fit.
  void pull(std::span<char> into, void (*told)(void*, std::int32_t), void* to) override;
  void cancel() override { reactor_.cancel(op_); }
  bool busy() const override { return !op_.idle(); }

 private:
  void hand_out();
  void on_read_dir_done(io::Op& op);
  void append(const io::DirEntry& found);
  void append_object(std::string_view name, const core::Entry& entry, std::string_view as);

  io::Reactor& reactor_;
  io::Op op_;
  std::shared_ptr<Root> root_;
  int directory_;
  std::string pattern_, prefix_;
  core::ListFormat format_;
  core::FactSet facts_;
  core::Rights rights_;
  bool hidden_;
  std::int64_t now_s_;
  io::DirBatch batch_;
  std::string text_;
  std::size_t used_ = 0;  ///< of text_
  bool ended_ = false;
  std::span<char> into_;
  void (*told_)(void*, std::int32_t) = nullptr;
  void* to_ = nullptr;
};

}  // namespace net
