//! A party is killed, or falls asleep for longer than its claims live, before each one of its accesses to the table in
//! turn; others go on.
//!
//! The table's word is a trait, so these tests bring a word that counts accesses. A killed party unwinds out of the
//! table, which leaves the words exactly as SIGKILL would: the table has no destructors. A sleeping party runs what the
//! others do in the meantime, then goes on. Real processes and real signals are in `table_processes.rs`.

mod party;
mod records;
mod slots;
