//! Which packages a Linux distribution has its software drivers in.

/// Distributions that share their package names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Debian,
    Fedora,
    Arch,
}

impl Family {
    /// Told from the text of `/etc/os-release`: by its `ID`, else by what it says it is like.
    pub(super) fn of(os_release: &str) -> Option<Self> {
        let like = value(os_release, "ID_LIKE").unwrap_or_default();
        value(os_release, "ID").into_iter().chain(like.split_whitespace()).find_map(|id| match id {
            "debian" | "ubuntu" => Some(Family::Debian),
            "fedora" | "rhel" | "centos" => Some(Family::Fedora),
            "arch" => Some(Family::Arch),
            _ => None,
        })
    }

    /// The commands that install the Vulkan loader and Mesa's drivers, and EGL with Mesa's OpenGL on request.
    pub(super) fn commands(self, gl: bool) -> Vec<Vec<&'static str>> {
        let (mut commands, mut install, gl_packages) = match self {
            Family::Debian => (
                vec![vec!["apt-get", "update"]],
                vec!["apt-get", "install", "-y", "libvulkan1", "mesa-vulkan-drivers"],
                ["libegl1", "libgl1-mesa-dri"].as_slice(),
            ),
            Family::Fedora => (
                vec![],
                vec!["dnf", "install", "-y", "vulkan-loader", "mesa-vulkan-drivers"],
                ["mesa-libEGL", "mesa-dri-drivers"].as_slice(),
            ),
            Family::Arch => (
                vec![],
                vec!["pacman", "-Sy", "--needed", "--noconfirm", "vulkan-icd-loader", "vulkan-swrast"],
                ["mesa"].as_slice(),
            ),
        };
        if gl {
            install.extend(gl_packages);
        }
        commands.push(install);
        commands
    }

    /// The commands that install an MPI, and what `crates/mpi` is built with beside it: rsmpi reads the MPI's headers by
    /// libclang, and builds libffi.
    pub(super) fn mpi_commands(self, mpi: Mpi) -> Vec<Vec<&'static str>> {
        match (self, mpi) {
            (Family::Debian, Mpi::Openmpi) => vec![
                vec!["apt-get", "update"],
                vec!["apt-get", "install", "-y", "libopenmpi-dev", "openmpi-bin", "libclang-dev", "clang", "make"],
            ],
            (Family::Debian, Mpi::Mpich) => vec![
                vec!["apt-get", "update"],
                vec!["apt-get", "install", "-y", "libmpich-dev", "mpich", "libclang-dev", "clang", "make"],
            ],
            (Family::Fedora, Mpi::Openmpi) => {
                vec![vec!["dnf", "install", "-y", "openmpi-devel", "clang-devel", "clang", "make"]]
            }
            (Family::Fedora, Mpi::Mpich) => {
                vec![vec!["dnf", "install", "-y", "mpich-devel", "clang-devel", "clang", "make"]]
            }
            (Family::Arch, Mpi::Openmpi) => {
                vec![vec!["pacman", "-Sy", "--needed", "--noconfirm", "openmpi", "clang", "make"]]
            }
            // Arch's repositories have no MPICH.
            (Family::Arch, Mpi::Mpich) => vec![],
        }
    }
}

/// A library that speaks MPI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mpi {
    Openmpi,
    Mpich,
}

impl Mpi {
    /// What compiles and what starts its programs, by the names that Debian gives each where both are installed.
    pub(super) fn programs(self) -> [&'static [&'static str]; 2] {
        match self {
            Mpi::Openmpi => [&["mpicc.openmpi", "mpicc"], &["mpirun.openmpi", "mpirun"]],
            Mpi::Mpich => [&["mpicc.mpich", "mpicc"], &["mpiexec.mpich", "mpiexec"]],
        }
    }

    /// Its own name for itself.
    pub(super) fn name(self) -> &'static str {
        match self {
            Mpi::Openmpi => "Open MPI",
            Mpi::Mpich => "MPICH",
        }
    }

    /// Whether its launcher says so of its version. Open MPI's calls itself OpenRTE under Debian's second name for it.
    pub(super) fn wrote(self, version: &str) -> bool {
        version.contains(match self {
            Mpi::Openmpi => "open-mpi.org",
            Mpi::Mpich => "HYDRA",
        })
    }
}

/// The distribution's own name for itself.
pub(super) fn name(os_release: &str) -> &str {
    value(os_release, "PRETTY_NAME").or_else(|| value(os_release, "ID")).unwrap_or("this Linux")
}

/// A value of `/etc/os-release`, without its quotes.
fn value<'a>(os_release: &'a str, key: &str) -> Option<&'a str> {
    let value = os_release.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
    Some(value.trim().trim_matches(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n\
                          VERSION_CODENAME=bookworm\nID=debian\nHOME_URL=\"https://www.debian.org/\"\n";
    const UBUNTU: &str = "PRETTY_NAME=\"Ubuntu 24.04.1 LTS\"\nNAME=\"Ubuntu\"\nVERSION_ID=\"24.04\"\nID=ubuntu\n\
                          ID_LIKE=debian\nUBUNTU_CODENAME=noble\n";
    const MINT: &str = "NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
    const FEDORA: &str = "NAME=\"Fedora Linux\"\nVERSION=\"41 (Workstation Edition)\"\nID=fedora\nVERSION_ID=41\n";
    const ROCKY: &str = "NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n";
    const ARCH: &str = "NAME=\"Arch Linux\"\nPRETTY_NAME=\"Arch Linux\"\nID=arch\nBUILD_ID=rolling\n";
    const MANJARO: &str = "NAME=\"Manjaro Linux\"\nID=manjaro\nID_LIKE=arch\nBUILD_ID=rolling\n";
    const ALPINE: &str = "NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME=\"Alpine Linux v3.20\"\n";

    #[test]
    fn a_distribution_is_known_by_its_id_or_by_what_it_is_like() {
        for (text, family) in [
            (DEBIAN, Some(Family::Debian)),
            (UBUNTU, Some(Family::Debian)),
            (MINT, Some(Family::Debian)),
            (FEDORA, Some(Family::Fedora)),
            (ROCKY, Some(Family::Fedora)),
            (ARCH, Some(Family::Arch)),
            (MANJARO, Some(Family::Arch)),
            (ALPINE, None),
            ("", None),
        ] {
            assert_eq!(Family::of(text), family, "{text}");
        }
    }

    #[test]
    fn each_family_installs_its_own_packages() {
        let line = |text: &str, gl: bool| {
            let commands = Family::of(text).map(|family| family.commands(gl)).unwrap_or_default();
            commands.iter().map(|command| command.join(" ")).collect::<Vec<_>>().join(" && ")
        };
        assert_eq!(line(DEBIAN, false), "apt-get update && apt-get install -y libvulkan1 mesa-vulkan-drivers");
        assert_eq!(
            line(UBUNTU, true),
            "apt-get update && apt-get install -y libvulkan1 mesa-vulkan-drivers libegl1 libgl1-mesa-dri"
        );
        assert_eq!(line(FEDORA, true), "dnf install -y vulkan-loader mesa-vulkan-drivers mesa-libEGL mesa-dri-drivers");
        assert_eq!(line(ARCH, false), "pacman -Sy --needed --noconfirm vulkan-icd-loader vulkan-swrast");
        assert_eq!(line(MANJARO, true), "pacman -Sy --needed --noconfirm vulkan-icd-loader vulkan-swrast mesa");
        assert_eq!(line(ALPINE, true), "");
    }

    #[test]
    fn each_family_installs_an_mpi_with_what_reads_its_headers() {
        let line = |text: &str, mpi: Mpi| {
            let commands = Family::of(text).map(|family| family.mpi_commands(mpi)).unwrap_or_default();
            commands.iter().map(|command| command.join(" ")).collect::<Vec<_>>().join(" && ")
        };
        assert_eq!(
            line(DEBIAN, Mpi::Openmpi),
            "apt-get update && apt-get install -y libopenmpi-dev openmpi-bin libclang-dev clang make"
        );
        assert_eq!(
            line(MINT, Mpi::Mpich),
            "apt-get update && apt-get install -y libmpich-dev mpich libclang-dev clang make"
        );
        assert_eq!(line(ROCKY, Mpi::Mpich), "dnf install -y mpich-devel clang-devel clang make");
        assert_eq!(line(ARCH, Mpi::Openmpi), "pacman -Sy --needed --noconfirm openmpi clang make");
        assert_eq!(line(MANJARO, Mpi::Mpich), "");
    }

    #[test]
    fn an_mpi_is_told_by_what_its_launcher_says() {
        let open = ["mpirun.openmpi (OpenRTE) 4.1.4", "mpirun (Open MPI) 4.1.4", "mpirun (Open MPI) 5.0.3"]
            .map(|name| format!("{name}\n\nReport bugs to http://www.open-mpi.org/community/help/\n"));
        assert!(open.iter().all(|version| Mpi::Openmpi.wrote(version) && !Mpi::Mpich.wrote(version)));
        let hydra = "HYDRA build details:\n    Version:                                 4.0.2\n";
        assert!(Mpi::Mpich.wrote(hydra) && !Mpi::Openmpi.wrote(hydra));
    }

    #[test]
    fn a_distribution_is_named_as_it_names_itself() {
        assert_eq!(name(DEBIAN), "Debian GNU/Linux 12 (bookworm)");
        assert_eq!(name(MANJARO), "manjaro");
        assert_eq!(name(""), "this Linux");
    }
}
