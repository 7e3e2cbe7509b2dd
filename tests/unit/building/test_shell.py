import subprocess

from modelarts_nb.building.shell import arguments, terminal_line


def test_a_script_runs_with_line_numbers_as_in_its_cell_and_its_own_exit_code():
    def run(script):
        return subprocess.run(arguments(("/bin/sh", "-c"), script), capture_output=True, text=True, check=False)

    assert run("echo a; exit 7").returncode == 7
    assert " 3: " in run("true\nnothing-of-that-name").stderr, "the magic's own line is the first"


def test_what_is_no_shell_gets_the_script_as_it_is():
    assert arguments(("/usr/bin/python3", "-c"), "print(1)") == ["/usr/bin/python3", "-c", "print(1)"]


def test_the_line_for_a_terminal_names_the_engine_where_docker_would_take_another():
    assert terminal_line("unix:///var/run/docker.sock", "c", "/bin/bash", podman=False) == "docker exec -it c /bin/bash"
    assert terminal_line("unix:///r/d.sock", "c", "/bin/sh", podman=False) == "docker -H unix:///r/d.sock exec -it c /bin/sh"
    assert terminal_line("unix:///r/p.sock", "c", "/bin/sh", podman=True) == "podman --url unix:///r/p.sock exec -it c /bin/sh"
