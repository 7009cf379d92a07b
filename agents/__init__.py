"""Everything that talks: Faust agents, gateway, warehouse, notifiers, local services, command line."""
