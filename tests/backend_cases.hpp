// What every backend must do, as one table of cases against a small World: the two real backends run them
// in backend_test.cpp, the simulated one in tests/sim, so that the simulator stays honest.
// A further backend needs its World (backend_lab.hpp) and a loop over `cases` that calls run_case.
#pragma once

#include "tests/backend_cases_cancel.hpp"
#include "tests/backend_cases_files.hpp"
#include "tests/backend_cases_moves.hpp"
#include "tests/backend_cases_sockets.hpp"
#include "tests/backend_cases_uploads.hpp"
#include "tests/backend_lab.hpp"

namespace backend_cases {

struct Case {
  const char* name;
  void (*run)(World&);
};

inline constexpr Case cases[] = {
    {"accept tells the peer", accept_tells_the_peer},
    {"connect is refused", connect_is_refused},
    {"a port listens once", a_port_listens_once},
    {"a closed listener leaves its port at once", a_closed_listener_leaves_its_port_at_once},
    {"a listener rests and listens again", a_listener_rests_and_listens_again},
    {"octets both ways until the end", octets_both_ways_until_the_end},
    {"recv waits for octets", recv_waits_for_octets},
    {"one socket reads, writes and polls at once", one_socket_reads_writes_and_polls_at_once},
    {"a slow reader gets all octets", a_slow_reader_gets_all_octets},
    {"inbound tells what there is to read", inbound_tells_what_there_is_to_read},
    {"a reset peer is an error and no signal", a_reset_peer_is_an_error_and_no_signal},
    {"what can be moved now is", what_can_be_moved_now_is},
    {"a layer is handed its ops", a_layer_is_handed_its_ops},
    {"poll tells what holds", poll_tells_what_holds},
    {"urgent data is seen", urgent_data_is_seen},
    {"recv_lent borrows late", recv_lent_borrows_late},
    {"cancel ends what waits", cancel_ends_what_waits},
    {"cancel ends a connect", cancel_ends_a_connect},
    {"cancel races with success", cancel_races_with_success},
    {"callbacks never run inside submit", callbacks_never_run_inside_submit},
    {"a descriptor number is used again", a_descriptor_number_is_used_again},
    {"a thousand ops in flight", a_thousand_ops_in_flight},
    {"send_file is exact", send_file_is_exact},
    {"send_file to a reset peer", send_file_to_a_reset_peer},
    {"recv_file is exact", recv_file_is_exact},
    {"recv_file passes urgent data", recv_file_passes_urgent_data},
    {"recv_file tells whose error", recv_file_tells_whose_error},
    {"recv_file to a full disk", recv_file_to_a_full_disk},
    {"many uploads at once", many_uploads_at_once},
    {"many uploads cancelled", many_uploads_cancelled},
    {"files open, read and write", files_open_read_and_write},
    {"nothing escapes the root", nothing_escapes_the_root},
    {"find_data knows the holes", find_data_knows_the_holes},
    {"stat tells facts", stat_tells_facts},
    {"times and modes are set", times_and_modes_are_set},
    {"space is told", space_is_told},
    {"octets are copied", octets_are_copied},
    {"links are made", links_are_made},
    {"names are made, moved and removed", names_are_made_moved_and_removed},
    {"read_dir gives each entry once", read_dir_gives_each_entry_once},
    {"read_dir does not look outside", read_dir_does_not_look_outside},
    {"a name is removed if it is the file's", a_name_is_removed_if_it_is_the_file_s},
    {"what is appended goes to the end", what_is_appended_goes_to_the_end},
    {"a lock has one holder", a_lock_has_one_holder},
    {"a file without a name gets one", a_file_without_a_name_gets_one},
    {"a flushed file stays open, and a link's text is read", a_flushed_file_stays_open},
    {"call runs a function", call_runs_a_function},
    {"cancel of file ops completes once", cancel_of_file_ops_completes_once},
    {"a cancelled file op says what it did", a_cancelled_file_op_says_what_it_did},
    {"a cancelled send says what it sent", a_cancelled_send_says_what_it_sent},
    {"a cancelled recv says what it took", a_cancelled_recv_says_what_it_took},
    {"a cancelled accept takes nobody", a_cancelled_accept_takes_nobody},
    {"timers fire in order and never early", timers_fire_in_order_and_never_early},
    {"wait ends at its deadline", wait_ends_at_its_deadline},
    {"run ends with stop", run_ends_with_stop},
};

/// Runs one case and sees that it left no descriptor open.
inline void run_case(const Case& one, World& world) {
  const std::size_t before = world.open_descriptors();
  one.run(world);
  CHECK(world.open_descriptors() == before);
}

}  // namespace backend_cases
