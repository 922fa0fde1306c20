# Kaplan-Meier curves with their intervals, people at risk, quantiles, restricted means and cumulative hazards:
# R, package survival. Usage: Rscript curves.R FOLDER   (the folder of the reference data); prints JSON to stdout.
suppressPackageStartupMessages(library(survival))
library(jsonlite)
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) read.csv(gzfile(file.path(folder, paste0(name, ".csv.gz"))))

told <- function(formula, data, days, horizon) {
  fit <- survfit(formula, data = data, conf.type = "log-log")
  at <- summary(fit, times = days)
  left <- quantile(fit, c(.25, .5, .75))
  mean <- summary(fit, rmean = horizon)$table
  list(days = days, horizon = horizon, at_risk = at$n.risk, share = at$surv, error = at$std.err, low = at$lower, high = at$upper,
       hazard = at$cumhaz, left = unname(left$quantile), left_low = unname(left$lower), left_high = unname(left$upper),
       mean = mean[["rmean"]], mean_error = mean[["se(rmean)"]])
}

lung <- read("ref_lung")
veteran <- read("ref_veteran")
heart <- read("ref_heart")
figures <- list(
  lung = told(Surv(time, status == 2) ~ 1, lung, c(30, 90, 180, 365, 700), 365),
  lung_male = told(Surv(time, status == 2) ~ 1, lung[lung$sex == 1, ], c(30, 90, 180, 365, 700), 365),
  lung_female = told(Surv(time, status == 2) ~ 1, lung[lung$sex == 2, ], c(30, 90, 180, 365, 700), 365),
  heart_delayed = told(Surv(start, stop, event) ~ 1, heart[heart$transplant == 1, ], c(30, 90, 180, 365, 700), 365)
)
for (cell in sort(unique(veteran$celltype))) {
  figures[[paste0("veteran_", cell)]] <-
    told(Surv(time, status) ~ 1, veteran[veteran$celltype == cell, ], c(20, 30, 60, 90, 120), 90)
}
cat(toJSON(figures, digits = 17, auto_unbox = TRUE, na = "null"))
