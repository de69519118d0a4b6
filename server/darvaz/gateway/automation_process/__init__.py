"""The process that runs people's automations: started, watched, ended and started again by the gateway."""
