//! Files that are none, or end too early.

use crate::files::{PAIR, STREAM, day, days, faults, nem12, read, rejected};
use meterdata::nem::NemFile;
use meterdata::{Fault, FileFault};
use std::io::{self, BufReader, Read};

#[test]
fn files_that_are_none() {
    let fault = |text: &str| read(text.as_bytes()).1.map(|fault| fault.to_string()).unwrap_or_default();
    assert!(matches!(read(b"").1, Some(FileFault::Empty)));
    assert!(matches!(read(b"\n,,\n  \n").1, Some(FileFault::Empty)));
    assert_eq!(fault("\n200,NMI\n"), "line 2: the first record is «200», not 100");
    assert_eq!(fault("100,NEM14,,,\n900\n"), "line 1: the version is «NEM14», not NEM12 or NEM13");
    assert_eq!(fault("100\n900\n"), "line 1: the version is «», not NEM12 or NEM13");
    assert_eq!(
        fault("100,NEM12\r900\r"),
        "line 1: the first record is not readable: byte 10 is a control character"
    );
    assert_eq!(fault("100,NEM12,,,\n900\n"), "line 2: no data stand between the first record and the last");
    assert_eq!(read(b"\xFF\xFE1\x000\x00").1.unwrap().to_string(), "the file is UTF-16; save it as UTF-8");
    let more = nem12(&format!("{STREAM}{}", day("20240101", 48, "1", "A"))) + "\n\n100,NEM12,,,\n900\n";
    assert_eq!(fault(&more), "line 7: a record stands after the last one (900)");
    assert_eq!(days(&read(more.as_bytes()).0).len(), 1);
}

#[test]
fn a_file_that_is_cut_off() {
    let days_text = day("20240101", 48, "1", "A") + &day("20240102", 48, "1", "E52");
    let text = format!("100,NEM12,,,\n{STREAM}{days_text}");
    // «E5» is as good a cut as «E» is: what is last is not taken.
    for cut in [0, 1, 2, 3, 20] {
        let (items, fault) = read(&text.as_bytes()[..text.len() - cut]);
        assert!(matches!(fault, Some(FileFault::CutOff { line: 4 })), "{fault:?}");
        assert_eq!((days(&items).len(), rejected(&items).len()), (1, 1));
        assert_eq!(rejected(&items)[0].line, 4);
    }
    let (items, fault) = read(b"100,NEM12");
    assert!(items.is_empty() && matches!(fault, Some(FileFault::CutOff { line: 1 })));
    let text = format!("100,NEM13,,,\n{PAIR}");
    let (items, fault) = read(text.as_bytes());
    assert_eq!(faults(&items), [(2, Fault::Contradiction)]);
    assert!(matches!(fault, Some(FileFault::CutOff { line: 2 })));
}

#[test]
fn an_input_that_fails_ends_the_file() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
    let text = format!("100,NEM12,,,\n{STREAM}{}", day("20240101", 48, "1", "A"));
    let mut file = NemFile::new(BufReader::new(text.as_bytes().chain(Failing)));
    assert!(matches!(file.next(), Some(Err(FileFault::Io(_)))));
    assert!(file.next().is_none());
}
