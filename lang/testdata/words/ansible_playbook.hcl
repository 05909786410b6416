- hosts: web # says: Expected an argument, such as name = value, or a block, such as host "web" { }. A site is written in HCL or in JSON.
  tasks:
    - apt: name=nginx
