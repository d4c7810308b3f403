;; What Go's runtime asks of WASI, answered inside the plugin: so it imports no WASI, and the runtime may
;; ask at any time, also when the host is in the middle of asking for memory.
;;
;; The clock goes on by a microsecond whenever it is read, and by what is slept. Random numbers are the
;; same in every run. What is printed becomes lines of the host's log. There are no files, arguments,
;; variables of the environment or sockets.
(module
  (import "env" "memory" (memory 0))
  ;; level, address and length of the message
  (import "wasmill:udf/log@0.2.0" "log" (func $log (param i32 i32 i32)))

  (global $now (mut i64) (i64.const 1000000000)) ;; nanoseconds
  (global $seed (mut i64) (i64.const 0x9E3779B97F4A7C15))
  ;; A line that has no end yet; the SDK gives the room for it.
  (global $line (mut i32) (i32.const 0))
  (global $room (mut i32) (i32.const 0)) ;; bytes
  (global $used (mut i32) (i32.const 0)) ;; bytes

  ;; Results are error numbers of WASI: 0 is success, 8 a bad descriptor, 52 what is not there.

  (func (export "wasmill_line") (param $address i32) (param $size i32)
    (global.set $line (local.get $address))
    (global.set $room (local.get $size)))

  (func $end_line (param $level i32)
    (call $log (local.get $level) (global.get $line) (global.get $used))
    (global.set $used (i32.const 0)))

  ;; Prints a byte.
  (func $print (param $level i32) (param $byte i32)
    (if (i32.eq (local.get $byte) (i32.const 10))
      (then (call $end_line (local.get $level)) (return)))
    (if (i32.ge_u (global.get $used) (global.get $room))
      (then (call $end_line (local.get $level))))
    ;; Not within a character of UTF-8, where there is room for the rest of it.
    (if (i32.and
          (i32.ge_u (i32.add (global.get $used) (i32.const 4)) (global.get $room))
          (i32.ne (i32.and (local.get $byte) (i32.const 0xC0)) (i32.const 0x80)))
      (then (call $end_line (local.get $level))))
    (i32.store8 (i32.add (global.get $line) (global.get $used)) (local.get $byte))
    (global.set $used (i32.add (global.get $used) (i32.const 1))))

  (func (export "fd_write") (param $fd i32) (param $pieces i32) (param $count i32) (param $written i32) (result i32)
    (local $at i32) (local $end i32) (local $sum i32) (local $level i32)
    (if (i32.gt_u (i32.sub (local.get $fd) (i32.const 1)) (i32.const 1))
      (then (return (i32.const 8))))
    ;; stdout is info, stderr warn
    (local.set $level (i32.add (local.get $fd) (i32.const 1)))
    (block $done
      (loop $piece
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $at (i32.load (local.get $pieces)))
        (local.set $end (i32.add (local.get $at) (i32.load offset=4 (local.get $pieces))))
        (local.set $sum (i32.add (local.get $sum) (i32.load offset=4 (local.get $pieces))))
        (block $next
          (br_if $next (i32.eqz (global.get $room)))
          (loop $byte
            (br_if $next (i32.ge_u (local.get $at) (local.get $end)))
            (call $print (local.get $level) (i32.load8_u (local.get $at)))
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $byte)))
        (local.set $pieces (i32.add (local.get $pieces) (i32.const 8)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $piece)))
    (i32.store (local.get $written) (local.get $sum))
    (i32.const 0))

  (func (export "clock_time_get") (param i32 i64) (param $into i32) (result i32)
    (global.set $now (i64.add (global.get $now) (i64.const 1000)))
    (i64.store (local.get $into) (global.get $now))
    (i32.const 0))

  (func (export "clock_res_get") (param i32) (param $into i32) (result i32)
    (i64.store (local.get $into) (i64.const 1000))
    (i32.const 0))

  ;; Sleeps: of the first subscription, which is the runtime's clock.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $events i32) (result i32)
    (if (i32.eqz (local.get $count)) (then (return (i32.const 28))))
    (if (i32.eqz (i32.load8_u offset=8 (local.get $in)))
      (then
        (if (i32.and (i32.load16_u offset=40 (local.get $in)) (i32.const 1))
          (then ;; until
            (if (i64.gt_u (i64.load offset=24 (local.get $in)) (global.get $now))
              (then (global.set $now (i64.load offset=24 (local.get $in))))))
          (else
            (global.set $now (i64.add (global.get $now) (i64.load offset=24 (local.get $in))))))))
    (i64.store (local.get $out) (i64.load (local.get $in)))
    (i64.store offset=8 (local.get $out) (i64.const 0))
    (i32.store8 offset=10 (local.get $out) (i32.load8_u offset=8 (local.get $in)))
    (i32.store (local.get $events) (i32.const 1))
    (i32.const 0))

  ;; G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (14), 2003.
  (func (export "random_get") (param $at i32) (param $size i32) (result i32)
    (local $x i64) (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $size)))
    (local.set $x (global.get $seed))
    (block $done
      (loop $byte
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 13))))
        (local.set $x (i64.xor (local.get $x) (i64.shr_u (local.get $x) (i64.const 7))))
        (local.set $x (i64.xor (local.get $x) (i64.shl (local.get $x) (i64.const 17))))
        (i64.store8 (local.get $at) (i64.shr_u (local.get $x) (i64.const 32)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $byte)))
    (global.set $seed (local.get $x))
    (i32.const 0))

  (func $no_list (param $count i32) (param $bytes i32) (result i32)
    (i32.store (local.get $count) (i32.const 0))
    (i32.store (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $no_list))
  (export "environ_sizes_get" (func $no_list))
  (func $nothing (param i32 i32) (result i32) (i32.const 0))
  (export "args_get" (func $nothing))
  (export "environ_get" (func $nothing))
  (func (export "sched_yield") (result i32) (i32.const 0))
  (func (export "proc_exit") (param i32) (unreachable))

  ;; stdin, stdout and stderr are a terminal.
  (func (export "fd_fdstat_get") (param $fd i32) (param $into i32) (result i32)
    (if (i32.gt_u (local.get $fd) (i32.const 2)) (then (return (i32.const 8))))
    (memory.fill (local.get $into) (i32.const 0) (i32.const 24))
    (i32.store8 (local.get $into) (i32.const 2))
    (i32.const 0))
  (func (export "fd_fdstat_set_flags") (param i32 i32) (result i32) (i32.const 0))
  (func (export "fd_close") (param i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_read") (param i32 i32 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_pread") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_pwrite") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_readdir") (param i32 i32 i32 i64 i32) (result i32) (i32.const 8))
  (func (export "fd_seek") (param i32 i64 i32 i32) (result i32) (i32.const 8))
  (func (export "fd_sync") (param i32) (result i32) (i32.const 8))
  (func (export "fd_filestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_size") (param i32 i64) (result i32) (i32.const 8))
  (func (export "fd_filestat_set_times") (param i32 i64 i64 i32) (result i32) (i32.const 8))
  (func (export "path_create_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_filestat_get") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_filestat_set_times") (param i32 i32 i32 i32 i64 i64 i32) (result i32) (i32.const 52))
  (func (export "path_link") (param i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_open") (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32) (i32.const 52))
  (func (export "path_readlink") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_remove_directory") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_rename") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_symlink") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "path_unlink_file") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_accept") (param i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_recv") (param i32 i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_send") (param i32 i32 i32 i32 i32) (result i32) (i32.const 52))
  (func (export "sock_shutdown") (param i32 i32) (result i32) (i32.const 52)))
