//! Kernels that hold rows in registers: WGSL that is written out once for each vector, from templates in `shaders/`.

/// A vector in registers.
#[derive(Debug, Clone)]
pub(super) struct Vector {
    /// What `$` stands for.
    pub(super) name: String,
    /// What `@` stands for: the first vector of its load.
    pub(super) first: String,
    /// What is true of it.
    pub(super) tags: Vec<&'static str>,
}

/// A template with its `//: each` sections written out for these vectors. `tags` are true of all of them.
pub(super) fn expand(template: &str, vectors: &[Vector], tags: &[&'static str]) -> String {
    let mut text = String::new();
    let mut lines = template.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "//: each" {
            push(&mut text, line);
            continue;
        }
        let section: Vec<&str> = lines.by_ref().take_while(|line| line.trim() != "//: end").collect();
        for vector in vectors {
            write_out(&mut text, &section, vector, tags);
        }
    }
    text
}

/// The lines of a section that hold for one vector.
fn write_out(text: &mut String, section: &[&str], vector: &Vector, tags: &[&'static str]) {
    let holds = |tag: &str| vector.tags.contains(&tag) || tags.contains(&tag);
    let mut included = true;
    for line in section {
        match line.trim().strip_prefix("//: ") {
            Some("always") => included = true,
            Some(condition) => included = condition.split_whitespace().skip(1).all(holds),
            None if included => push(text, &line.replace('$', &vector.name).replace('@', &vector.first)),
            None => {}
        }
    }
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_written_for_each_vector_that_they_are_for() {
        let vector = |name: &str, first: &str, tags: &[&'static str]| Vector {
            name: name.into(),
            first: first.into(),
            tags: tags.to_vec(),
        };
        let vectors =
            [vector("0", "0", &["wide", "first"]), vector("1", "0", &["wide"]), vector("_tail", "_tail", &[])];
        let template = "begin\n//: each\n//: when wide first\nload @\n//: when wide gathered\nx$ of @\n//: always\ng$\n//: end\nend";
        assert_eq!(expand(template, &vectors, &["gathered"]), "begin\nload 0\nx0 of 0\ng0\nx1 of 0\ng1\ng_tail\nend\n");
        assert_eq!(expand(template, &vectors[2..], &[]), "begin\ng_tail\nend\n");
    }
}
