//! Blocks whose type nobody knows, numbers that are not whole, ids that do not fit: refused, not guessed.

use meterdata::Fault;
use meterdata::espi::{EspiWriter, Feed, WriteFault};
use time::macros::datetime;

use crate::made::*;

/// Links that name no MeterReading are not those of the type before.
#[test]
fn a_block_with_links_of_its_own_needs_a_meter_reading() {
    let block = espi("IntervalBlock", &hours(&["1", "2"]));
    let astray = entry("UsagePoint/7/Other/1", "", &block);
    for entries in [[type_entry(), astray.clone()], [astray.clone(), type_entry()]] {
        let found = items(&feed(&entries));
        assert_eq!(intervals(&found).len(), 0, "{found:?}");
        assert_eq!(rejections(&found).iter().map(|(_, fault)| *fault).collect::<Vec<_>>(), [Fault::Orphaned]);
    }
    // Links behind the content, too.
    let behind =
        format!("<entry><content>{block}</content><link rel=\"up\" href=\"UsagePoint/7/Other\"/></entry>");
    let found = items(&feed(&[type_entry(), behind]));
    assert_eq!(rejections(&found).len(), 1);
}

/// In a file that is cut, another type may have been to come.
#[test]
fn a_cut_file_has_no_only_type() {
    let block = block_entry(&hours(&["1", "2"]));
    let other = entry("ReadingType/9", "", &kwh_type());
    let whole = feed(&[block.clone(), other.clone()]);
    assert_eq!(intervals(&items(&whole)).len(), 1);
    let (found, fault) = read(whole.replace("</feed>", "").as_bytes());
    assert!(fault.is_some());
    assert_eq!((intervals(&found).len(), rejections(&found).len()), (0, 1));
}

#[test]
fn an_element_inside_a_number_spoils_it() {
    for value in ["1<b/>23", "<b>9</b>123", "123<b/>"] {
        let found = items(&one_block(&hours(&["5", value])));
        let faults: Vec<_> = rejections(&found).iter().map(|(_, fault)| *fault).collect();
        assert_eq!(faults, [Fault::BadNumber], "{value}");
        assert_eq!(intervals(&found)[0].values, [number("0.005")]);
    }
    let types = type_entry().replace("<uom>72</uom>", "<uom>1<b/>72</uom>");
    let found = items(&feed(&[meter_entry(), types, block_entry(&hours(&["5"]))]));
    assert_eq!((intervals(&found).len(), rejections(&found).len()), (0, 2));
}

#[test]
fn ids_are_written_whole_or_not_at_all() {
    let feed = |id: &str| {
        let feed = Feed { id, title: "", updated_at: datetime!(2026-01-31 00:00 UTC) };
        EspiWriter::new(Vec::new(), &feed, str::to_owned).map(drop)
    };
    let long = format!("urn:{}", "x".repeat(300));
    feed(&long).unwrap();
    for bad in ["", "urn:a b", &"x".repeat(3_000)] {
        assert!(matches!(feed(bad), Err(WriteFault::Unfit(_))), "{bad:.20}");
    }
}
