job "web" {
  hosts = [host.localhost]
  task "command" "c" {
    argv = ["ls", "{{ item }}"]
    when = "{{ ansible_os_family == 'Debian' }}"
  }
  task "command" "d" {
    argv = ["ls"]
    when = ansible_facts.os_family == "Debian"
  }
  task "command" "e" {
    argv = ["ls"]
    when = self.facts.os_family == 'Debian' # says: Single quotes are not valid. Use double quotes (") to enclose strings.
  }
}
