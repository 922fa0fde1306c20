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
six_mp <- data.frame(time = c(6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35), left = rep(1:0, c(9, 12)))
figures$six_mp <- told(Surv(time, left) ~ 1, six_mp, c(6, 7, 10, 16, 23), 20)

student <- merge(read("oulad_student_registration"), read("oulad_courses"))
student$left <- !is.na(student$date_unregistration) & student$date_unregistration <= student$module_presentation_length
student$day <- ifelse(student$left, student$date_unregistration, student$module_presentation_length)
student <- student[student$day > 0, ]
student$entry <- pmax(student$date_registration, 0)
known <- student[!is.na(student$entry) & student$day > student$entry, ]
figures$students <- told(Surv(day, left) ~ 1, student, c(30, 60, 120, 180, 234), 200)
figures$students_delayed <- told(Surv(entry, day, left) ~ 1, known, c(30, 60, 120, 180, 234), 200)
for (cell in sort(unique(veteran$celltype))) {
  figures[[paste0("veteran_", cell)]] <-
    told(Surv(time, status) ~ 1, veteran[veteran$celltype == cell, ], c(20, 30, 60, 90, 120), 90)
}
cat(toJSON(figures, digits = 17, auto_unbox = TRUE, na = "null"))
