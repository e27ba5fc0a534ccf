"""What figures of service are called where no SLO is stated."""

WITHOUT_SLO = {  # labels where no SLO is stated: nothing can be within it
    "slo_attainment": "requests answered",
    "goodput_rps": "answered per second",
    "time_above_slo_share": "time with under 95 % answered",
}
WITH_SOME = {  # where some workloads state none
    "slo_attainment": "within the SLO, or answered",
    "goodput_rps": "of those per second",
}
