//! An Asterisk of a test's own: its configuration in a folder within the installation, its process, and its manager
//! interface. Endpoints are told apart by the loopback address that calls come from.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ami::{Ami, Message};

/// Longest time that one step takes: a busy machine, or valgrind.
pub const PATIENCE: Duration = Duration::from_secs(60);

const SECRET: &str = "loopback";

/// What a test's Asterisk is to have beside what each has.
#[derive(Default)]
pub struct Plan<'p> {
    /// ohp.conf; `FOLDER` in it is where `files` are.
    pub ohp: &'p str,
    pub extensions: &'p str,
    /// Beside the endpoints that there always are.
    pub pjsip: &'p str,
    /// Files beside the configuration.
    pub files: &'p [(&'p str, Value)],
    /// What there is no module of ours in.
    pub is_stock: bool,
    /// What the heap's checks would cost is measured: it runs without them.
    pub is_measured: bool,
    /// The program that runs it, with its arguments, found in the installation.
    pub wrapper: &'p [&'p str],
}

pub struct Pbx {
    child: Child,
    ami: Ami,
    root: PathBuf,
    /// As Asterisk sees it.
    folder: PathBuf,
    pub sip: SocketAddr,
}

/// Where `tests/pbx/asterisk/run` has installed it.
fn root() -> PathBuf {
    std::env::var_os("OHP_ASTERISK")
        .map(PathBuf::from)
        .expect("these tests are run by tests/pbx/asterisk/run, which installs an Asterisk")
}

pub fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.local_addr().expect("an address").port()
}

impl Pbx {
    /// Starts the one called `name`, and waits until it has booted.
    pub fn start(name: &str, plan: &Plan<'_>) -> Self {
        let root = root();
        let folder = Path::new("/var/lib/ohp-tests").join(name);
        let within = root.join(folder.strip_prefix("/").expect("absolute"));
        let _ = fs::remove_dir_all(&within);
        for part in ["etc", "lib", "db", "spool", "run", "log"] {
            fs::create_dir_all(within.join(part)).expect("a folder");
        }
        let (sip, manager) = (free_port(), free_port());
        for (file, text) in configuration(plan, sip, manager) {
            let text = text.replace("FOLDER", folder.to_str().expect("UTF-8"));
            fs::write(within.join("etc").join(file), text).expect("a file");
        }
        for (file, json) in plan.files {
            fs::write(within.join(file), json.to_string()).expect("a file");
        }
        let mut command = Command::new("chroot");
        command.arg(&root).args(plan.wrapper);
        command
            .args(["/usr/sbin/asterisk", "-f", "-n", "-C"])
            .arg(folder.join("etc/asterisk.conf"));
        if plan.wrapper.is_empty() && !plan.is_measured {
            // glibc aborts at the first misuse of the heap, and what is freed does not look as it did.
            command.env("LD_PRELOAD", "libc_malloc_debug.so.0");
            command.envs([("MALLOC_CHECK_", "3"), ("MALLOC_PERTURB_", "165")]);
        }
        if plan.is_measured {
            // As many heaps as there are processors times eight would fill, one after the other.
            command.env("MALLOC_ARENA_MAX", "1");
        }
        let output = |name: &str| fs::File::create(within.join("log").join(name)).expect("a file");
        command
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("stderr"));
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let Some(ami) = Ami::connect(manager, SECRET, Instant::now() + PATIENCE) else {
            let _ = child.kill();
            let _ = child.wait();
            panic!("Asterisk does not boot:\n{}", tail(&within));
        };
        Self {
            child,
            ami,
            root,
            folder,
            sip: SocketAddr::from(([127, 0, 0, 1], sip)),
        }
    }

    /// The folder of its files, from outside.
    pub fn folder(&self) -> PathBuf {
        self.root.join(self.folder.strip_prefix("/").expect("absolute"))
    }

    /// Processor time that its threads have taken, those that are there now.
    pub fn cpu(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        let nanoseconds = threads.map_while(Result::ok).filter_map(|thread| {
            let told = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            told.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }

    /// Memory that it has resident.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.expect("a number")
    }

    /// What a command of the CLI prints, line by line.
    pub fn command(&mut self, command: &str) -> Vec<String> {
        let response = self.ask("Command", &[("Command", command)]);
        response.all("Output").map(str::to_owned).collect()
    }

    pub fn ask(&mut self, action: &str, fields: &[(&str, &str)]) -> Message {
        let response = self.ami.ask(action, fields, Instant::now() + PATIENCE);
        response.unwrap_or_else(|| panic!("{action} {fields:?} is not answered"))
    }

    /// The next event that is wanted.
    pub fn event(&mut self, what: &str, wanted: impl Fn(&Message) -> bool) -> Message {
        match self.ami.event(Instant::now() + PATIENCE, wanted) {
            Some(event) => event,
            None => panic!("no {what} among {:#?}", self.ami.events()),
        }
    }

    /// What the dialplan says next of a handoff: its user event `Outcome`. That sound is still waited for is none.
    pub fn next_outcome(&mut self) -> Message {
        self.event("outcome", is_outcome)
    }

    /// The same, which must have that status.
    pub fn outcome(&mut self, status: &str) -> Message {
        let outcome = self.next_outcome();
        assert_eq!(outcome.get("Status"), status, "{outcome:?}");
        outcome
    }

    /// How many outcomes the dialplan has told of and nobody has looked at.
    pub fn outcomes(&mut self) -> usize {
        self.events().iter().filter(|event| is_outcome(event)).count()
    }

    /// All events that nobody has waited for.
    pub fn events(&mut self) -> &[Message] {
        self.ami.events()
    }

    pub fn forget_events(&mut self) {
        self.ami.forget_events();
    }

    /// Waits until the CLI's `command` prints what is wanted.
    pub fn wait_for(&mut self, command: &str, wanted: impl Fn(&[String]) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let printed = self.command(command);
            if wanted(&printed) {
                return;
            }
            assert!(Instant::now() < end, "`{command}` prints {printed:#?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Stops it as an administrator would, which ends well if every module has let go of what it had.
    pub fn stop(mut self) {
        let _ = self.ami.ask(
            "Command",
            &[("Command", "core stop gracefully")],
            Instant::now() + PATIENCE,
        );
        let end = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().expect("it can be waited for") {
                Some(status) => return assert!(status.success(), "{status}"),
                None if Instant::now() < end => std::thread::sleep(Duration::from_millis(20)),
                None => panic!("Asterisk does not stop"),
            }
        }
    }

    /// Everything that it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder().join("log/full")).unwrap_or_default()
    }
}

fn is_outcome(event: &Message) -> bool {
    event.is_user_event("Outcome") && event.get("Status") != "NEEDS"
}

impl Drop for Pbx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", tail(&self.folder()));
        }
    }
}

/// The end of what an Asterisk has logged.
fn tail(folder: &Path) -> String {
    let mut text = String::new();
    for name in ["stderr", "full"] {
        let log = fs::read(folder.join("log").join(name)).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        let lines: Vec<&str> = log.lines().collect();
        text += &lines[lines.len().saturating_sub(60)..].join("\n");
        text.push('\n');
    }
    text
}

/// What every one of them loads, in this order.
const MODULES: &[&str] = &[
    "pbx_config",
    "res_sorcery_config",
    "res_sorcery_memory",
    "res_sorcery_astdb",
    "res_timing_timerfd",
    "res_rtp_asterisk",
    "res_pjproject",
    "res_pjsip",
    "res_pjsip_logger",
    "res_pjsip_session",
    "res_pjsip_endpoint_identifier_ip",
    "res_pjsip_sdp_rtp",
    "res_http_websocket",
    "res_crypto",
    "res_pjsip_pubsub",
    "res_pjsip_refer",
    "res_pjsip_nat",
    "res_pjsip_dtmf_info",
    "res_pjsip_empty_info",
    "res_pjsip_header_funcs",
    "chan_pjsip",
    "codec_ulaw",
    "codec_alaw",
    "codec_g722",
    "codec_resample",
    "codec_opus_open_source",
    "res_format_attr_opus",
    "bridge_simple",
    "bridge_softmix",
    "bridge_native_rtp",
    "bridge_builtin_features",
    "app_dial",
    "app_exec",
    "app_echo",
    "app_verbose",
    "app_userevent",
    "app_stack",
    "func_channel",
    "func_callerid",
    "func_logic",
];
const OUR_MODULES: &[&str] = &["res_pjsip_ohp", "res_ohp"];

/// A loopback address each, from which that endpoint calls.
pub const ENDPOINTS: &[(&str, &str)] = &[
    ("agent", "127.0.0.1"),
    ("plain", "127.0.0.2"),
    ("lenient", "127.0.0.3"),
    ("quiet", "127.0.0.4"),
];

fn configuration(plan: &Plan<'_>, sip: u16, manager: u16) -> Vec<(&'static str, String)> {
    let ours = if plan.is_stock { &[] } else { OUR_MODULES };
    let modules = MODULES.iter().chain(ours);
    let modules: String = modules.map(|module| format!("load={module}.so\n")).collect();
    let mut pjsip = format!("[transport]\ntype=transport\nprotocol=udp\nbind=0.0.0.0:{sip}\n");
    for (endpoint, address) in ENDPOINTS {
        pjsip += &format!(
            "[{endpoint}]\ntype=endpoint\ncontext=in\ndisallow=all\nallow=ulaw,alaw,g722,opus\ndirect_media=no\n\
             [{endpoint}]\ntype=identify\nendpoint={endpoint}\nmatch={address}\n"
        );
    }
    let directories = "[directories]\nastetcdir => FOLDER/etc\nastvarlibdir => FOLDER/lib\nastdbdir => FOLDER/db\n\
        astkeydir => FOLDER/lib\nastdatadir => /usr/share/asterisk\nastagidir => FOLDER/lib\nastspooldir => FOLDER/spool\n\
        astrundir => FOLDER/run\nastlogdir => FOLDER/log\n";
    vec![
        ("asterisk.conf", format!("{directories}[options]\nverbose = 4\n")),
        (
            "logger.conf",
            "[logfiles]\nfull => notice,warning,error,verbose\n".into(),
        ),
        (
            "manager.conf",
            format!(
                "[general]\nenabled=yes\nbindaddr=127.0.0.1\nport={manager}\n\
                 [test]\nsecret={SECRET}\nread=all\nwrite=all\n"
            ),
        ),
        ("modules.conf", format!("[modules]\nautoload=no\n{modules}")),
        (
            "rtp.conf",
            "[general]\nrtpstart=20000\nrtpend=28000\nstrictrtp=no\n".into(),
        ),
        ("pjsip.conf", pjsip + plan.pjsip),
        ("extensions.conf", plan.extensions.into()),
        ("ohp.conf", plan.ohp.into()),
    ]
}
