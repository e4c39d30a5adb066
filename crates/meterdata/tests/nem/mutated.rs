//! Harmed files: nothing panics, and what is taken is whole.

use crate::files::{OTHER, PAIR, STREAM, check, day, days, nem12, nem13, pairs, read, rejected, whole};

/// Numbers spread well over all, the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(most.max(1)).unwrap()).unwrap()
    }
}

/// Harms a file in one way.
fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    const ODD: &[u8] = b",,\n\r\"-.0V9A\0\xFF\xC3 ";
    let at = dice.below(bytes.len());
    let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect();
    let line = dice.below(lines.len());
    match dice.below(10) {
        0..=2 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
        3 if !bytes.is_empty() => bytes[at] = ODD[dice.below(ODD.len())],
        4 => bytes.insert(at, ODD[dice.below(ODD.len())]),
        5 if !lines.is_empty() => {
            lines.remove(line);
            *bytes = lines.concat();
        }
        6 if !lines.is_empty() => {
            let (again, to) = (lines[line].clone(), dice.below(lines.len()));
            lines.insert(to, again);
            *bytes = lines.concat();
        }
        7 | 8 if !lines.is_empty() => {
            let mut fields: Vec<&[u8]> = lines[line].split(|&byte| byte == b',').collect();
            let field = dice.below(fields.len());
            match dice.below(3) {
                0 => {
                    fields.remove(field);
                }
                1 => fields.insert(field, fields[field]),
                _ => fields[field] = b"",
            }
            let joined = fields.join(&b","[..]);
            lines[line] = joined;
            *bytes = lines.concat();
        }
        9 if dice.below(4) == 0 => bytes.truncate(at),
        _ => {}
    }
}

/// Full size: `MUTATIONS=10000 cargo test -p meterdata`.
#[test]
fn mutated_files_never_panic_and_days_stay_whole() {
    let count: u64 = std::env::var("MUTATIONS").map_or(500, |count| count.parse().unwrap());
    let mixed = "400,1,10,A,,\n400,11,24,S14,76,Tested\n";
    let hours = STREAM.replace(",30,", ",60,");
    let intervals = nem12(&format!(
        "{hours}{}{}{mixed}500,O,S1,20240102101500,001.5\n{}{}{}{}{}{mixed}",
        day("20240101", 24, "0.125", "A,,,20240102000000,"),
        day("20240102", 24, "10", "V,,,20240103000000,"),
        day("20240103", 24, "7.5", "E52,77,Access,,"),
        OTHER.replace(",30,", ",60,"),
        day("20240101", 24, "3", "A,,,,"),
        day("20240102", 24, "", "N,,,,"),
        day("20240103", 24, "2", "V,,,,"),
    ));
    let readings = nem13(&format!("{PAIR}550,N,,E,\n{PAIR}{PAIR}550,N,,E,\n"));
    assert_eq!((whole(intervals.as_bytes()).len(), whole(readings.as_bytes()).len()), (6, 3));
    let (mut taken, mut rejections) = (0, 0);
    for seed in 0..count {
        let mut dice = Dice(seed);
        let mut bytes = if seed % 4 == 3 { readings.clone() } else { intervals.clone() }.into_bytes();
        for _ in 0..=dice.below(5) {
            mutate(&mut bytes, &mut dice);
        }
        let lines = u64::try_from(bytes.split(|&byte| byte == b'\n').count()).unwrap();
        let (items, _) = read(&bytes);
        check(&items, lines);
        assert!(u64::try_from(items.len()).unwrap() <= 2 * lines, "seed {seed}");
        taken += days(&items).len() + pairs(&items).len();
        rejections += rejected(&items).len();
    }
    let count = usize::try_from(count).unwrap();
    assert!(taken > count && rejections > count, "{taken} taken and {rejections} rejected of {count} files");
}
