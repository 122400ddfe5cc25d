// Opening a path that must not lead out of a directory: by openat2(2), or name by name where that is forbidden or
// missing. Knows paths and links; must not know who opens what, or why.
#pragma once

#include <linux/openat2.h>

#include <cstdint>
#include <string>

namespace io {

/// openat2(2), with all that `how` asks of the way. A descriptor, or a negative errno; -EAGAIN for RESOLVE_CACHED where
/// that is not possible.
std::int32_t open_beneath(int directory, const char* path, const open_how& how);

/// The same without openat2(2), for RESOLVE_BENEATH, with or without RESOLVE_NO_SYMLINKS: each name is opened by
/// itself, no link and no ".." is ever left to the kernel. Whatever others rename meanwhile, nothing outside is
/// reached: it is -EAGAIN where a directory on the way is not where it was.
std::int32_t open_by_names(int directory, const char* path, const open_how& how);

/// Empty, or why open_beneath() does without openat2(2) in this process: asked once.
const std::string& why_no_openat2();

}  // namespace io
