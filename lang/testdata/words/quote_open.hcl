job "a { # says: This text has no closing quote on its line. A line break in text is written \n; text of many lines stands between <<EOT and EOT.
  hosts = [host.localhost]
}
