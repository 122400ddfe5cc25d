// Which work does what a command asked for.
#include "net/work.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "net/copy_work.hpp"
#include "net/digest_work.hpp"
#include "net/tree_work.hpp"

namespace net {

std::unique_ptr<Work> make_work(Context& context, const core::Config& config, std::shared_ptr<Root> root,
                                const core::WorkSpec& spec) {
  using Kind = core::WorkSpec::Kind;
  switch (spec.kind) {
    case Kind::measure_tree:
    case Kind::remove_tree:
      return std::make_unique<TreeWork>(context, config.limits, std::move(root), spec.path,
                                        spec.kind == Kind::remove_tree);
    case Kind::make_directories:
      return std::make_unique<PathWork>(context, config.limits, std::move(root), spec.path, spec.mode,
                                        core::is_synced(config.uploads.publish));
    case Kind::digest: return std::make_unique<DigestWork>(context, config.limits, std::move(root), spec);
    case Kind::move:
    case Kind::copy:
    case Kind::combine: break;
  }
  CopyWork::Job job{.sources = {spec.sources.begin(), spec.sources.end()},
                    .target = {.unseen = true,
                               .synced = core::is_synced(config.uploads.publish),
                               .mode = spec.mode,
                               .temporary_suffix = fmt::format("{:016x}", context.random())},
                    .combines = spec.kind == Kind::combine,
                    .moves = spec.kind == Kind::move};
  if (job.moves) job.target.must_be_new = !spec.replaces;
  // A limit for what is stored: what is moved is there already.
  if (config.uploads.file_max_bytes > 0 && !job.moves)
    job.length_max = static_cast<std::uint64_t>(config.uploads.file_max_bytes);
  return std::make_unique<CopyWork>(context, config.limits, std::move(root), spec.path, std::move(job));
}

}  // namespace net
