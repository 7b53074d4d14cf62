//! Reads capture files: opens, decompresses, merges several by packet time.
