//! leg
