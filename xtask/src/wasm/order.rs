//! The order of a module's functions. Brotli says "as a moment ago" in fewer bits than "as half a megabyte ago", so functions
//! that are alike are put next to each other: a chain, each followed by the one that shares the most with it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;

use wasm_encoder::{NameMap, NameSection, Section as _};
use wasmparser::{Parser, Payload, TypeRef};

use crate::run::{Failure, Outcome};

/// Bytes that must be the same in a row to count as shared: a few instructions.
const SHARED_BYTES: usize = 4;
/// What more functions than this have says nothing about any two of them.
const COMMONPLACE: usize = 1_000;
/// Added to what two functions have together, so that tiny ones do not count as twins for a trifle.
const AT_LEAST: usize = 8;

/// Gives each function of the module a name that sorts where it should stand, for an optimiser that orders by name. The
/// module must have no names.
pub(super) fn name_by_likeness(module: &Path) -> Outcome {
    let mut bytes = fs::read(module).map_err(|cause| Failure::file("reading", module, &cause))?;
    let named = names(&bytes).map_err(|cause| {
        Failure::new(format!("reading {}: {cause}", module.display()), "Build the module again: `cargo xtask wasm`.")
    })?;
    bytes.extend(named);
    fs::write(module, bytes).map_err(|cause| Failure::file("writing", module, &cause))
}

/// The custom section.
fn names(module: &[u8]) -> wasmparser::Result<Vec<u8>> {
    let mut imported = 0;
    let mut bodies = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ImportSection(imports) => {
                for import in imports.into_imports() {
                    imported += u32::from(matches!(import?.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
                }
            }
            Payload::CodeSectionEntry(body) => bodies.push(body.as_bytes()),
            _ => {}
        }
    }
    let mut ranks = vec![0; bodies.len()];
    for (rank, at) in chain(&bodies).into_iter().enumerate() {
        ranks[at] = rank;
    }
    let mut table = NameMap::new();
    for (index, rank) in (imported..).zip(ranks) {
        table.append(index, &format!("f{rank:06}"));
    }
    let mut section = NameSection::new();
    section.functions(&table);
    let mut out = Vec::new();
    section.append_to(&mut out);
    Ok(out)
}

/// The functions' numbers in their new order. It begins with the longest; where nothing is like the last one, the longest
/// that is left goes on.
fn chain(bodies: &[&[u8]]) -> Vec<usize> {
    let parts: Vec<HashSet<&[u8]>> = bodies.iter().map(|body| body.windows(SHARED_BYTES).collect()).collect();
    let mut owners: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (at, own) in parts.iter().enumerate() {
        for part in own {
            owners.entry(part).or_default().push(at);
        }
    }
    owners.retain(|_, who| (2..=COMMONPLACE).contains(&who.len()));

    let mut left: BTreeSet<(usize, usize)> = bodies.iter().enumerate().map(|(at, body)| (body.len(), at)).collect();
    let mut order = Vec::with_capacity(bodies.len());
    let mut next = left.last().copied();
    while let Some((length, at)) = next {
        left.remove(&(length, at));
        order.push(at);
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for who in parts[at].iter().filter_map(|part| owners.get(part)) {
            for &other in who {
                *shared.entry(other).or_default() += 1;
            }
        }
        next = shared
            .into_iter()
            .filter(|&(other, _)| left.contains(&(bodies[other].len(), other)))
            .map(|(other, both)| (both, parts[at].len() + parts[other].len() - both + AT_LEAST, other))
            // both / together, compared without fractions; the number decides between equals, so that builds are alike
            .max_by(|a, b| (a.0 * b.1).cmp(&(b.0 * a.1)).then(b.2.cmp(&a.2)))
            .map(|(_, _, other)| (bodies[other].len(), other))
            .or_else(|| left.last().copied());
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_alike_stands_together() {
        let bodies: [&[u8]; 5] =
            [b"abcdefghijklmnopqr", b"0123456789012345", b"abcdefghijklmnop", b"xyz", b"0123456789012"];
        assert_eq!(chain(&bodies), [0, 2, 1, 4, 3]);
    }

    #[test]
    fn every_function_has_one_name() {
        // (module (func) (func (drop (i32.const 300))))
        let module =
            b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x03\x02\0\0\x0a\x0b\x02\x02\0\x0b\x06\0\x41\xac\x02\x1a\x0b";
        let section = names(module).expect("a sound module");
        assert_eq!(section, b"\0\x1a\x04name\x01\x13\x02\0\x07f000001\x01\x07f000000");
    }
}
