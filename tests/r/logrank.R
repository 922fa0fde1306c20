# Log-rank (rho = 0) and Peto & Peto's weighted test (rho = 1), two and more groups, with strata: R, package survival.
# Usage: Rscript logrank.R FOLDER   (the folder of the reference data); prints JSON to stdout.
suppressPackageStartupMessages(library(survival))
library(jsonlite)
folder <- commandArgs(trailingOnly = TRUE)[1]
read <- function(name) read.csv(gzfile(file.path(folder, paste0(name, ".csv.gz"))))

told <- function(formula, data) {
  tests <- lapply(0:1, function(rho) survdiff(formula, data = data, rho = rho))
  total <- function(x) unname(if (is.matrix(x)) rowSums(x) else x)
  list(chi2 = tests[[1]]$chisq, chi2_early = tests[[2]]$chisq, observed = total(tests[[1]]$obs), expected = total(tests[[1]]$exp),
       observed_early = total(tests[[2]]$obs), expected_early = total(tests[[2]]$exp))
}

lung <- read("ref_lung")
rossi <- read("ref_rossi")
veteran <- read("ref_veteran")
arms <- data.frame(
  time = c(6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35,
           1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23),
  left = rep(c(1, 0, 1), c(9, 12, 21)), arm = rep(1:2, each = 21))
student <- merge(merge(read("oulad_student_registration"), read("oulad_courses")), read("oulad_student_info"))
student$left <- !is.na(student$date_unregistration) & student$date_unregistration <= student$module_presentation_length
student$day <- ifelse(student$left, student$date_unregistration, student$module_presentation_length)
student <- student[student$day > 0, ]
figures <- list(
  leukaemia_arm = told(Surv(time, left) ~ arm, arms),
  students_gender = told(Surv(day, left) ~ gender, student),
  students_age_band = told(Surv(day, left) ~ age_band, student),
  lung_sex = told(Surv(time, status == 2) ~ sex, lung),
  rossi_fin = told(Surv(week, arrest) ~ fin, rossi),
  veteran_celltype = told(Surv(time, status) ~ celltype, veteran),
  veteran_trt_by_celltype = told(Surv(time, status) ~ trt + strata(celltype), veteran)
)
cat(toJSON(figures, digits = 17, auto_unbox = TRUE))
