// A directory, or all that lies below it, as text: batches of entries in, whole lines out, with memory for one block;
// or a listing that stands ready.
// Knows how to fetch entries and in which order they come; the lines themselves are core/listing's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/action.hpp"
#include "io/dir_batch.hpp"
#include "net/flow.hpp"
#include "net/listings.hpp"
#include "net/storage.hpp"

namespace net {

class ListingSource final : public Source {
 public:
  /// Lists what `opened` holds: an open directory, or a single object (file() < 0 or not a directory).
  /// `opened` must outlive the source. `wall_clock_ns` decides which dates show the year.
  ListingSource(io::Reactor& reactor, Listings& listings, std::shared_ptr<Root> root, const FileTask& opened,
                const core::TransferSpec& spec, core::Rights rights, std::int64_t wall_clock_ns);

  /// Fills with whole lines wherever they fit.
  void pull(std::span<char> into, void (*told)(void*, std::int32_t), void* to) override;
  void cancel() override;
  bool busy() const override { return !op_.idle() || below_.busy(); }

 private:
  /// A line of text_, and what decides where it comes.
  struct Line {
    core::FileTime time;  ///< by time the newest first, by size the largest; where they are the same, by name
    std::uint64_t octets;
    std::uint32_t begin, size, name_size;
    bool descends;  ///< a directory whose own entries are listed too
  };

  void begin(const struct statx& facts);
  void make_anew();
  void look_again();
  bool is_as_it_was() const;
  void advance();
  void read();
  void on_op_done(io::Op& op);
  void append_batch();
  void append(const io::DirEntry& found);
  void append_object(std::string_view name, const core::Entry& entry, std::string_view as);
  void append_heading();
  bool is_shown(std::string_view name) const;
  core::Entry entry_of(const io::DirEntry& found) const;
  std::int64_t key_of(const core::Entry& entry) const;
  std::string_view name_of(const Line& line) const;
  static std::int32_t arrange(void* source);
  void note_directories();
  void next_directory();
  void on_directory_open();
  void finish_block();
  void hand_out();
  void tell(std::int32_t result) { told_(to_, result); }

  /// What is handed out.
  std::string_view block() const { return kept_ ? std::string_view(kept_->text()) : text_; }

  io::Reactor& reactor_;
  io::Op op_;
  Listings& listings_;
  bool may_be_kept_ = false;
  Listings::Key key_;
  core::Entry itself_;                             ///< the directory that key_ is about
  std::shared_ptr<const Listings::Listing> kept_;  ///< stands ready
  std::unique_ptr<Listings::Listing> made_;        ///< is made, for the next who asks
  std::shared_ptr<Root> root_;
  int directory_;
  std::string top_;  ///< the path of what is listed
  std::string pattern_, prefix_, heading_;
  core::ListFormat format_;
  core::FactSet facts_;
  core::Rights rights_;
  bool hidden_, recursive_, reverse_;
  core::ListOrder order_;
  std::int64_t now_s_;
  io::DirBatch batch_;

  // The block: what is handed out next.
  std::string text_;
  std::size_t used_ = 0;  ///< of block()
  std::size_t head_ = 0;  ///< of text_, before the lines that are put in order
  std::vector<Line> lines_;
  bool directory_ended_ = false;
  bool ended_ = false;
  bool cancelled_ = false;

  // The tree: paths below top_.
  FileTask below_;
  std::string place_;                               ///< the directory that is read; empty: top_ itself
  std::vector<std::string> found_;                  ///< directories in place_, in order
  std::vector<std::string> pending_;                ///< still to be read, the next one last
  std::size_t pending_octets_ = 0, tree_size_ = 0;  ///< tree_size_: entries so far

  std::span<char> into_;
  void (*told_)(void*, std::int32_t) = nullptr;
  void* to_ = nullptr;
};

}  // namespace net
