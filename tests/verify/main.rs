//! The verdict: its steps, and what it remembers.

#[path = "../common/mod.rs"]
mod common;
mod memory;
mod setting;
mod steps;
