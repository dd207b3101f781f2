# One fuzzer each: <name>_fuzz.cpp, with its corpus in corpus/<name>.
set(AETHER_FUZZ_NAMES
  base64
  command
  command_window
  commit
  coordination
  hand_over
  heartbeat
  hosted_types
  jetstream_answers
  msgpack
  snapshot
)
