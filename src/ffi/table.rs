//! `ohp_table`: what the threads and forked workers of a host share.

use core::ffi::c_void;

use super::panic::guard;
use super::place::{self, Object, Room};
use super::pointer::{self, Out};
use super::sized::{self, Sized_};
use super::status::Done;
use super::status::ohp_status::{self, OHP_ERR_OBJECT, OHP_ERR_RANGE, OHP_ERR_SPACE};
use crate::table::{Config, LayoutError, Stats, Table};

/// What the threads and forked worker processes of a host share: replay records, rates, seen fingerprints, and slots for
/// messages in chunks.
///
/// It lies in memory that the host supplies, holds no pointer, may be mapped at different addresses, and is worked on
/// with atomic operations only: no function waits for another caller, and a process that is killed at any moment blocks
/// nobody. One table serves all calls of a PBX. Its contents are worth five minutes and need not be kept.
pub struct ohp_table(());

impl Object for ohp_table {
    const KIND: u64 = u64::from_be_bytes(*b"OHPtabl\x01");
}

/// How much a table is to hold. Members that are 0 mean the default, which has room for 50 handoffs a second in 32 MB.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_table_config {
    /// sizeof(ohp_table_config).
    pub size: usize,
    /// Replay records live at the same time: two for each envelope, and one for each recipient of a sealed one, for its
    /// lifetime, five minutes at most; 65536 by default.
    pub replays: u32,
    /// Fingerprints live at the same time; 16384 by default.
    pub hashes: u32,
    /// Signing keys seen in the same second; 1024 by default.
    pub kids: u32,
    /// Transport peers seen in the same second; 4096 by default.
    pub peers: u32,
    /// Sets of chunks remembered at the same time; 32768 by default.
    pub sets: u32,
    /// Messages in reassembly, or waiting to be sent, at the same time; 256 by default, 1048576 at most.
    pub slots: u32,
    /// Most bytes of such a message, 1048576 at most; by default what the longest envelope takes as base64.
    pub slot_bytes: u32,
    /// Robust fingerprints live at the same time, 4096 at most; 256 by default. Each call whose robust fingerprint matches is
    /// compared with all of them.
    pub sounds: u32,
}

// SAFETY: repr(C), size first, integers only.
unsafe impl Sized_ for ohp_table_config {
    const FIRST_SIZE: usize = 40;
}

impl ohp_table_config {
    fn to_config(self) -> Config {
        let or = |value: u32, default: u32| if value == 0 { default } else { value };
        let default = Config::default();
        Config {
            replays: or(self.replays, default.replays),
            hashes: or(self.hashes, default.hashes),
            kids: or(self.kids, default.kids),
            peers: or(self.peers, default.peers),
            sets: or(self.sets, default.sets),
            slots: or(self.slots, default.slots),
            slot_bytes: or(self.slot_bytes, default.slot_bytes),
            sounds: or(self.sounds, default.sounds),
        }
    }
}

/// What a table had to refuse or to clean up since it was initialised.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ohp_table_stats {
    /// sizeof(ohp_table_stats).
    pub size: usize,
    /// Replay records refused because there was no room.
    pub replay_full: u64,
    /// Fingerprints refused because there was no room.
    pub hash_full: u64,
    /// Rates of signing keys refused because there was no room.
    pub kid_full: u64,
    /// Rates of transport peers refused because there was no room.
    pub peer_full: u64,
    /// Sets of chunks refused because no more identifiers can be remembered.
    pub set_full: u64,
    /// Messages refused because every slot was taken.
    pub slot_full: u64,
    /// Sets of chunks refused because their call has too many open, or too many bytes in them.
    pub owner_limit: u64,
    /// Sets of chunks ended by an error in one of their chunks.
    pub dead_sets: u64,
    /// Unfinished work of killed processes that was cleaned up.
    pub reclaimed: u64,
    /// Operations given up because too many others raced for the same words.
    pub contended: u64,
    /// Robust fingerprints that were not remembered because their list was full. No call is refused for it: the verdict warns.
    pub sound_full: u64,
}

// SAFETY: repr(C), size first, integers only.
unsafe impl Sized_ for ohp_table_stats {
    const FIRST_SIZE: usize = 88;
}

fn status(error: LayoutError) -> ohp_status {
    match error {
        LayoutError::Config | LayoutError::TooLarge => OHP_ERR_RANGE,
        LayoutError::Short { .. } => OHP_ERR_SPACE,
        LayoutError::Magic | LayoutError::Version | LayoutError::Header => OHP_ERR_OBJECT,
    }
}

/// The table that C points to.
///
/// # Safety
/// As [`place::words_of`].
pub(super) unsafe fn table<'a>(table: *const ohp_table) -> Done<Table<'a>> {
    // SAFETY: passed on to the caller.
    Table::attach(unsafe { place::words_of(table) }?).map_err(status)
}

/// How much memory a table takes.
///
/// @param config  How much it is to hold; NULL for the defaults.
/// @param[out] size  Bytes.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_SIZE, OHP_ERR_RANGE.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_table_size(config: *const ohp_table_config, size: *mut usize) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (out, config) = unsafe { (Out::new(size)?, read(config)?) };
        let words = config.words().map_err(status)?;
        out.set(place::len_of_words(words)?);
        Ok(())
    })
}

/// # Safety
/// As [`sized::read`]; NULL is the default.
unsafe fn read(config: *const ohp_table_config) -> Done<Config> {
    if config.is_null() {
        return Ok(Config::default());
    }
    // SAFETY: passed on to the caller.
    unsafe { sized::read(config) }.map(ohp_table_config::to_config)
}

/// Makes an empty table of the memory, whatever it held. No process may use it as a table meanwhile.
///
/// @param memory  Memory of the host, aligned to OHP_ALIGN; shared memory for forked workers. It stays the host's and is
///                used until the host stops using the table; there is nothing to release.
/// @param memory_size  Its length, at least what ohp_table_size() says.
/// @param config  How much it is to hold; NULL for the defaults.
/// @param salt    16 random bytes, which keep peers from choosing where their identifiers land.
/// @param[out] table  The table; it is at the same address as the memory.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_SPACE, OHP_ERR_SIZE, OHP_ERR_RANGE.
///
/// Threads: one caller.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_table_init(
    memory: *mut c_void,
    memory_size: usize,
    config: *const ohp_table_config,
    salt: *const u8,
    table: *mut *mut ohp_table,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (out, config, salt, room) = unsafe {
            let out = Out::new(table)?;
            let salt = pointer::shared(salt.cast::<[u8; 16]>())?;
            (out, read(config)?, *salt, Room::<ohp_table>::new(memory, memory_size)?)
        };
        let words = room.words();
        if words.len() < config.words().map_err(status)? {
            return Err(OHP_ERR_SPACE);
        }
        room.clear();
        Table::init(words, &config, salt).map_err(status)?;
        out.set(room.finish(words.len()));
        Ok(())
    })
}

/// Finds the table that another process has made in shared memory.
///
/// @param memory  The memory, aligned to OHP_ALIGN; it may be mapped at another address than in the process that made it.
/// @param memory_size  Its length.
/// @param[out] table  The table.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT; OHP_ERR_SPACE if the memory is shorter than the table;
///         OHP_ERR_OBJECT if there is no table, or one of another version of the library.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_table_attach(
    memory: *mut c_void,
    memory_size: usize,
    table: *mut *mut ohp_table,
) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (out, room) = unsafe { (Out::new(table)?, Room::<ohp_table>::new(memory, memory_size)?) };
        let made = room.made()?;
        // SAFETY: `made` has found an object that lies in the memory as a whole.
        unsafe { self::table(made) }?;
        out.set(made);
        Ok(())
    })
}

/// Reads a table's counters.
///
/// @param table  A table.
/// @param[out] stats  The counters; set its `size` before.
/// @return OHP_OK, OHP_ERR_NULL, OHP_ERR_ALIGNMENT, OHP_ERR_OBJECT, OHP_ERR_SIZE.
///
/// Threads: any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ohp_table_get_stats(table: *const ohp_table, stats: *mut ohp_table_stats) -> ohp_status {
    guard(|| {
        // SAFETY: as the header demands.
        let (table, out) = unsafe { (self::table(table)?, sized::Out::new(stats)?) };
        let Stats {
            replay_full,
            hash_full,
            kid_full,
            peer_full,
            set_full,
            slot_full,
            owner_limit,
            dead_sets,
            reclaimed,
            contended,
            sound_full,
        } = table.stats();
        out.set(ohp_table_stats {
            size: 0,
            replay_full,
            hash_full,
            kid_full,
            peer_full,
            set_full,
            slot_full,
            owner_limit,
            dead_sets,
            reclaimed,
            contended,
            sound_full,
        });
        Ok(())
    })
}
